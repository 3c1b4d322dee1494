//! Canonical names for languages, IDEs, flows and environments. Editors do not agree on the names
//! of languages, nor plugins on the names of editors. The record keeps the original
//! name beside the canonical one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// Canonical names and their aliases, all in lower case. A name that is in no table is canonical.
type AliasTable = &'static [(&'static str, &'static [&'static str])];

/// Canonical names by alias, in lower case and with capitalized words, the usual spellings.
pub struct Aliases {
    names: HashMap<Vec<u8>, &'static str, RandomState>,
}

/// Languages. Dialects that editors define (`typescriptreact`) count as their base language.
pub static LANGUAGES: LazyLock<Aliases> = LazyLock::new(|| Aliases::of(LANGUAGE_ALIASES));

/// IDEs and editors.
pub static IDES: LazyLock<Aliases> = LazyLock::new(|| Aliases::of(IDE_ALIASES));

/// Environments that sessions run in, with the names of older GitLab releases.
const ENVIRONMENTS: AliasTable = &[("ambient", &["web"]), ("chat", &["ide"])];

/// The longest alias, in bytes.
const MAX_ALIAS_LEN: usize = 64;

const LANGUAGE_ALIASES: AliasTable = &[
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

const IDE_ALIASES: AliasTable = &[
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

/// A canonical name, and the source's name if it differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical<'a> {
    /// The canonical name.
    pub name: Cow<'a, str>,
    /// The source's name, if it differs.
    pub original: Option<Cow<'a, str>>,
}

impl<'a> Canonical<'a> {
    /// The canonical and the original name.
    pub fn parts(self) -> (Cow<'a, str>, Option<Cow<'a, str>>) {
        (self.name, self.original)
    }
}

/// Splits a flow into its name and its version, if it has one: `fix_pipeline/v1`.
pub fn split_flow_version(flow: Cow<'_, str>) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    let Some(slash) = flow.find('/').filter(|slash| (1..flow.len() - 1).contains(slash)) else {
        return (flow, None);
    };
    match flow {
        Cow::Borrowed(flow) => (flow[..slash].into(), Some(flow[slash + 1..].into())),
        Cow::Owned(flow) => (flow[..slash].to_owned().into(), Some(flow[slash + 1..].to_owned().into())),
    }
}

/// The canonical name of an environment.
pub fn canonical_environment(environment: Cow<'_, str>) -> Cow<'_, str> {
    match ENVIRONMENTS.iter().find(|(_, others)| others.contains(&&*environment)) {
        Some((name, _)) => (*name).into(),
        None => environment,
    }
}

impl Aliases {
    /// The canonical name, with the original name if it differs.
    pub fn canonical<'a>(&self, original: Cow<'a, str>) -> Canonical<'a> {
        match self.canonical_name(&original) {
            Some(name) => Canonical { name, original: Some(original) },
            None => Canonical { name: original, original: None },
        }
    }

    /// The canonical name; `None` if `name` is canonical already.
    pub fn canonical_name(&self, name: &str) -> Option<Cow<'static, str>> {
        if let Some(canonical) = self.names.get(name.as_bytes()) {
            return (*canonical != name).then_some(Cow::Borrowed(canonical));
        }
        let is_canonical = |byte: u8| matches!(byte, b'!'..=b'~') && !byte.is_ascii_uppercase();
        if name.bytes().all(is_canonical) {
            return None;
        }
        // Nearly all others are short ASCII texts that are known in lower case.
        let mut lower = [0; MAX_ALIAS_LEN];
        if let Some(lower) = lower.get_mut(..name.len()) {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            if let Some(canonical) = self.names.get(&*lower) {
                return Some(Cow::Borrowed(canonical));
            }
        }
        let lower = name.trim().to_lowercase();
        match self.names.get(lower.as_bytes()) {
            Some(canonical) => (*canonical != name).then_some(Cow::Borrowed(canonical)),
            None => Some(lower.into()).filter(|lower: &Cow<'_, str>| lower != name),
        }
    }

    fn of(table: AliasTable) -> Aliases {
        let others = table.iter().flat_map(|(name, others)| others.iter().map(move |other| (*other, *name)));
        let canonical = table.iter().map(|(name, _)| (*name, *name));
        let lower = others.chain(canonical).map(|(alias, name)| (alias.as_bytes().to_vec(), name));
        let with_capitals = lower.clone().map(|(alias, name)| (capitalized(alias), name));
        Aliases { names: with_capitals.chain(lower).collect() }
    }
}

/// The alias with each word capitalized.
fn capitalized(mut alias: Vec<u8>) -> Vec<u8> {
    for word in alias.split_mut(|byte| *byte == b' ') {
        word[..1].make_ascii_uppercase();
    }
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonicalizes_aliases_and_lowercases_unknown_names() {
        for (alias, name) in [
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
            assert_eq!(LANGUAGES.canonical_name(alias).unwrap_or(alias.into()), name);
        }
        for (alias, name) in [
            ("Visual Studio Code", "vscode"),
            ("VSCode", "vscode"),
            ("Ed", "ed"),
            ("Visual Studio", "visual studio"),
        ] {
            assert_eq!(IDES.canonical_name(alias).unwrap_or(alias.into()), name);
        }
    }

    #[test]
    fn every_name_and_alias_is_unique() {
        for table in [LANGUAGE_ALIASES, IDE_ALIASES, ENVIRONMENTS] {
            let mut all: Vec<&str> = table
                .iter()
                .flat_map(|(name, others)| std::iter::once(name).chain(others.iter()))
                .copied()
                .collect();
            assert!(
                all.iter().all(|text| *text == text.trim().to_lowercase() && text.len() <= MAX_ALIAS_LEN)
            );
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
