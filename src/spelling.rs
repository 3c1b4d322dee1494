//! One name for what is spelt in many ways. Editors do not agree on the names of languages, nor plugins on the names
//! of editors; what was spelt otherwise stays in the record beside the name.

use std::borrow::Cow;

use crate::record::Event;

/// Names and their other spellings, all in lower case. What is in no list is a name of its own.
type Aliases = &'static [(&'static str, &'static [&'static str])];

/// Languages. The dialects of an editor (`typescriptreact`) are the language they are written in.
pub const LANGUAGES: Aliases = &[
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

/// Editors.
pub const IDES: Aliases = &[
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

/// Gives the language, the editor and the flow of an event their one name. A flow is named without its version, which stands
/// beside it.
pub fn fold(event: &mut Event<'_>) {
    if let Some((name, version)) = event.flow.as_deref().and_then(|flow| flow.split_once('/'))
        && !name.is_empty()
        && !version.is_empty()
    {
        let (name, version) = (name.to_owned(), version.to_owned());
        event.flow = Some(name.into());
        event.flow_version.get_or_insert(version.into());
    }
    fold_name(&mut event.language, &mut event.language_original, LANGUAGES);
    fold_name(&mut event.ide, &mut event.ide_original, IDES);
}

fn fold_name<'a>(name: &mut Option<Cow<'a, str>>, original: &mut Option<Cow<'a, str>>, aliases: Aliases) {
    let Some(spelt) = name.take() else { return };
    let folded = folded(&spelt, aliases);
    *name = Some(match folded == spelt {
        true => spelt,
        false => {
            original.get_or_insert(spelt);
            folded.into()
        }
    });
}

/// The one name of what is spelt so.
pub fn folded(spelt: &str, aliases: Aliases) -> String {
    let lower = spelt.trim().to_lowercase();
    let known = aliases.iter().find(|(_, others)| others.contains(&lower.as_str()));
    known.map_or(lower, |(name, _)| (*name).to_owned())
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
            assert_eq!(folded(spelt, LANGUAGES), name);
        }
        for (spelt, name) in [
            ("Visual Studio Code", "vscode"),
            ("VSCode", "vscode"),
            ("Ed", "ed"),
            ("Visual Studio", "visual studio"),
        ] {
            assert_eq!(folded(spelt, IDES), name);
        }
    }

    #[test]
    fn a_name_is_no_spelling_of_another_and_no_spelling_is_of_two() {
        for aliases in [LANGUAGES, IDES] {
            let mut all: Vec<&str> = aliases
                .iter()
                .flat_map(|(name, others)| std::iter::once(name).chain(others.iter()))
                .copied()
                .collect();
            assert!(all.iter().all(|text| *text == text.trim().to_lowercase()));
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
