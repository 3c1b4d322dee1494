//! One name for what is spelt in many ways. Editors do not agree on the names of languages, nor plugins on the names
//! of editors; what was spelt otherwise stays in the record beside the name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// Names and their other spellings, all in lower case. What is in no list is a name of its own.
type Spellings = &'static [(&'static str, &'static [&'static str])];

/// Names by all of their spellings, and by those with capitals, as editors are spelt most of the time.
pub struct Aliases {
    names: HashMap<Vec<u8>, &'static str, RandomState>,
}

/// Languages. The dialects of an editor (`typescriptreact`) are the language they are written in.
pub static LANGUAGES: LazyLock<Aliases> = LazyLock::new(|| Aliases::of(LANGUAGE_SPELLINGS));

/// Editors.
pub static IDES: LazyLock<Aliases> = LazyLock::new(|| Aliases::of(IDE_SPELLINGS));

/// Where sessions run; GitLab had other words for it at first. Those it has now are left as they are spelt.
const ENVIRONMENTS: Spellings = &[("ambient", &["web"]), ("chat", &["ide"])];

/// What is longer is no spelling of a list.
const LONGEST: usize = 64;

const LANGUAGE_SPELLINGS: Spellings = &[
    ("c#", &["csharp", "cs"]),
    ("c++", &["cpp", "cxx", "cplusplus"]),
    ("dockerfile", &["docker"]),
    ("f#", &["fsharp"]),
    ("go", &["golang"]),
    ("javascript", &["js", "jsx", "javascriptreact", "ecmascript"]),
    ("kotlin", &["kt"]),
    ("latex", &["tex"]),
    ("makefile", &["make"]),
    ("markdown", &["md"]),
    ("objective-c", &["objc", "objectivec"]),
    ("plaintext", &["text", "plain text", "plain"]),
    ("powershell", &["ps1"]),
    ("python", &["py", "python3"]),
    ("ruby", &["rb"]),
    ("rust", &["rs"]),
    ("shell", &["shellscript", "shell script", "bash", "sh", "zsh"]),
    ("typescript", &["ts", "tsx", "typescriptreact"]),
    ("visual basic", &["vb", "vb.net"]),
    ("vue", &["vuejs", "vue.js"]),
    ("yaml", &["yml"]),
];

const IDE_SPELLINGS: Spellings = &[
    ("eclipse", &["eclipse ide"]),
    ("gitlab web ide", &["web ide", "webide", "gitlab-web-ide"]),
    (
        "intellij idea",
        &["intellij", "idea", "intellij-idea", "intellijidea", "intellij idea community edition"],
    ),
    ("neovim", &["nvim"]),
    ("pycharm", &["pycharm professional", "pycharm community edition"]),
    ("visual studio", &["visualstudio", "microsoft visual studio"]),
    ("vscode", &["visual studio code", "vs code", "visual studio code - insiders", "code"]),
];

/// A name, with how it was spelt where that is not the name.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical<'a> {
    /// The one name.
    pub name: Cow<'a, str>,
    /// How the source spelt it.
    pub original: Option<Cow<'a, str>>,
}

impl<'a> Canonical<'a> {
    /// The name, and how it was spelt.
    pub fn parts(self) -> (Cow<'a, str>, Option<Cow<'a, str>>) {
        (self.name, self.original)
    }
}

/// The name of a flow, and its version where it is spelt with one.
pub fn flow(spelt: Cow<'_, str>) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    let Some(slash) = spelt.find('/').filter(|slash| (1..spelt.len() - 1).contains(slash)) else {
        return (spelt, None);
    };
    match spelt {
        Cow::Borrowed(spelt) => (spelt[..slash].into(), Some(spelt[slash + 1..].into())),
        Cow::Owned(spelt) => (spelt[..slash].to_owned().into(), Some(spelt[slash + 1..].to_owned().into())),
    }
}

/// The one name of where a session runs.
pub fn environment(spelt: Cow<'_, str>) -> Cow<'_, str> {
    match ENVIRONMENTS.iter().find(|(_, others)| others.contains(&&*spelt)) {
        Some((name, _)) => (*name).into(),
        None => spelt,
    }
}

impl Aliases {
    /// The one name of what is spelt so, with how it is spelt.
    pub fn canonical<'a>(&self, spelt: Cow<'a, str>) -> Canonical<'a> {
        match self.canonical_name(&spelt) {
            Some(name) => Canonical { name, original: Some(spelt) },
            None => Canonical { name: spelt, original: None },
        }
    }

    /// The one name of what is spelt so; `None` where it is spelt by its name.
    pub fn canonical_name(&self, spelt: &str) -> Option<Cow<'static, str>> {
        if let Some(name) = self.names.get(spelt.as_bytes()) {
            return (*name != spelt).then_some(Cow::Borrowed(name));
        }
        let is_folded = |byte: u8| matches!(byte, b'!'..=b'~') && !byte.is_ascii_uppercase();
        if spelt.bytes().all(is_folded) {
            return None;
        }
        // Nearly all others are short and in ASCII, and known in lower case.
        let mut lower = [0; LONGEST];
        if let Some(lower) = lower.get_mut(..spelt.len()) {
            lower.copy_from_slice(spelt.as_bytes());
            lower.make_ascii_lowercase();
            if let Some(name) = self.names.get(&*lower) {
                return Some(Cow::Borrowed(name));
            }
        }
        let lower = spelt.trim().to_lowercase();
        match self.names.get(lower.as_bytes()) {
            Some(name) => (*name != spelt).then_some(Cow::Borrowed(name)),
            None => Some(lower.into()).filter(|name: &Cow<'_, str>| name != spelt),
        }
    }

    fn of(spellings: Spellings) -> Aliases {
        let others =
            spellings.iter().flat_map(|(name, others)| others.iter().map(move |other| (*other, *name)));
        let themselves = spellings.iter().map(|(name, _)| (*name, *name));
        let lower = others.chain(themselves).map(|(spelt, name)| (spelt.as_bytes().to_vec(), name));
        let with_capitals = lower.clone().map(|(spelt, name)| (capitalised(spelt), name));
        Aliases { names: with_capitals.chain(lower).collect() }
    }
}

/// A spelling with a capital at the start of each word.
fn capitalised(mut spelling: Vec<u8>) -> Vec<u8> {
    for word in spelling.split_mut(|byte| *byte == b' ') {
        word[..1].make_ascii_uppercase();
    }
    spelling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_and_what_is_unknown_stays_itself() {
        for (spelt, name) in [
            (" TypeScript ", "typescript"),
            ("typescriptreact", "typescript"),
            ("GoLang", "go"),
            ("js", "javascript"),
            ("shellscript", "shell"),
            ("C++", "c++"),
            ("cpp", "c++"),
            ("ΣΑΣ", "σας"),
            ("Befunge-93", "befunge-93"),
        ] {
            assert_eq!(LANGUAGES.canonical_name(spelt).unwrap_or(spelt.into()), name);
        }
        for (spelt, name) in [
            ("Visual Studio Code", "vscode"),
            ("VSCode", "vscode"),
            ("Ed", "ed"),
            ("Visual Studio", "visual studio"),
        ] {
            assert_eq!(IDES.canonical_name(spelt).unwrap_or(spelt.into()), name);
        }
    }

    #[test]
    fn a_name_is_no_spelling_of_another_and_no_spelling_is_of_two() {
        for aliases in [LANGUAGE_SPELLINGS, IDE_SPELLINGS, ENVIRONMENTS] {
            let mut all: Vec<&str> = aliases
                .iter()
                .flat_map(|(name, others)| std::iter::once(name).chain(others.iter()))
                .copied()
                .collect();
            assert!(all.iter().all(|text| *text == text.trim().to_lowercase() && text.len() <= LONGEST));
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
