//! The script of the pages: ES modules, concatenated into one classic script without a build tool.

/// An ES module of a page.
pub(super) struct Module {
    /// Its file name, by which other modules import it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests check the order of imports by it"))]
    name: &'static str,
    source: &'static str,
}

/// The modules of a dashboard. A module comes after all that it imports.
macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$(Module {
            name: $name,
            source: include_str!(concat!("../../../templates/html/script/", $name)),
        }),*]
    };
}

/// The modules of the dashboard on GitLab Duo.
pub(super) const DUO: &[Module] = modules![
    "metrics.js",
    "format.js",
    "change.js",
    "elements.js",
    "locale.js",
    "state.js",
    "views.js",
    "filters.js",
    "filter-notes.js",
    "csv.js",
    "export.js",
    "table.js",
    "chart-scale.js",
    "chart-axis.js",
    "chart-text.js",
    "chart-cursor.js",
    "chart-marks.js",
    "chart.js",
    "sections.js",
    "main.js",
    "composition.js",
    "forest.js",
    "adoption.js",
    "teams.js",
    "suggestions.js",
    "chat.js",
    "features.js",
    "agents.js",
    "agent-outcomes.js",
    "cost.js",
    "impact.js",
    "duo.js",
];

/// The modules of the dashboard on merge requests and pipelines.
pub(super) const PROJECT: &[Module] = modules![
    "metrics.js",
    "format.js",
    "change.js",
    "elements.js",
    "locale.js",
    "state.js",
    "views.js",
    "filters.js",
    "filter-notes.js",
    "csv.js",
    "export.js",
    "table.js",
    "chart-scale.js",
    "chart-axis.js",
    "chart-text.js",
    "chart-cursor.js",
    "chart-marks.js",
    "chart.js",
    "sections.js",
    "main.js",
    "project.js",
];

/// The modules as one classic script, which is inline and needs no second request: in one function
/// scope, without `import` and `export`, comments and indentation. Empty for a page without
/// modules.
pub(super) fn bundle(modules: &[Module]) -> String {
    if modules.is_empty() {
        return String::new();
    }
    let mut script = String::from("\"use strict\";(()=>{\n");
    let (mut in_comment, mut in_import) = (false, false);
    for line in modules.iter().flat_map(|module| module.source.lines()).map(str::trim) {
        in_comment |= line.starts_with("/*");
        if in_comment {
            in_comment = !line.ends_with("*/");
            continue;
        }
        in_import |= line.starts_with("import ");
        if in_import {
            in_import = !line.ends_with(';');
            continue;
        }
        if !line.is_empty() && !line.starts_with("//") {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script.push_str("})();\n");
    script
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn bundle_of(source: &'static str) -> String {
        bundle(&[Module { name: "test.js", source }])
    }

    #[test]
    fn comments_are_stripped_and_code_is_kept() {
        let source =
            "// one\n/** two\n * three\n */\nconst four = \"// five\"; // six\n\n  /* seven */\n  eight();\n";
        assert_eq!(
            bundle_of(source),
            "\"use strict\";(()=>{\nconst four = \"// five\"; // six\neight();\n})();\n"
        );
        assert_eq!(bundle(&[]), "");
    }

    #[test]
    fn imports_and_exports_are_stripped() {
        let source = "import { one } from \"./one.js\";\nimport {\n  two,\n  three,\n} from \"./two.js\";\n\nexport const four = one;\nexport function five() {\n  return \"import \" + two;\n}\nexport class Six {}\n";
        assert_eq!(
            bundle_of(source),
            "\"use strict\";(()=>{\nconst four = one;\nfunction five() {\nreturn \"import \" + two;\n}\nclass Six {}\n})();\n"
        );
    }

    #[test]
    fn no_bundle_has_an_import_or_an_export() {
        for script in [DUO, PROJECT].map(bundle) {
            assert!(script.lines().count() > 1_000);
            for line in script.lines() {
                let word = line.split(|c: char| !c.is_ascii_alphanumeric()).next();
                assert!(!matches!(word, Some("import" | "export")), "{line}");
                assert!(!line.ends_with(".js\";"), "{line}");
            }
        }
    }

    /// The names that a module imports, with the module they come from. Other forms of imports and
    /// exports than named ones would need more than stripping.
    fn imports(module: &Module) -> Vec<(&'static str, &'static str)> {
        let mut imports = Vec::new();
        for statement in module.source.split("\nimport ").skip(1) {
            let (names, rest) = statement.split_once(" from \"./").expect("an import from a sibling");
            let (from, _) = rest.split_once("\";").expect("the end of an import");
            let names = names.strip_prefix('{').and_then(|names| names.strip_suffix('}'));
            for name in
                names.expect("a named import").split(',').map(str::trim).filter(|name| !name.is_empty())
            {
                assert!(!name.contains(' '), "{}: {name} is renamed", module.name);
                imports.push((name, from));
            }
        }
        imports
    }

    /// The names that a module declares at its top level, and whether it exports them.
    fn declarations(module: &Module) -> Vec<(&'static str, bool)> {
        let kinds = ["function* ", "function ", "async function ", "const ", "let ", "class "];
        let declaration = |line: &'static str| {
            let bare = line.strip_prefix("export ");
            let rest = kinds.iter().find_map(|kind| bare.unwrap_or(line).strip_prefix(kind));
            assert!(bare.is_none() || rest.is_some(), "{}: {line}", module.name);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
            let rest = rest?;
            Some((&rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())], bare.is_some()))
        };
        module.source.lines().filter_map(declaration).collect()
    }

    #[test]
    fn a_module_comes_after_all_that_it_imports_and_no_name_is_declared_twice() {
        for modules in [DUO, PROJECT] {
            let (mut exported, mut declared) = (BTreeSet::new(), BTreeSet::new());
            for module in modules {
                for (name, from) in imports(module) {
                    assert!(exported.contains(&(name, from)), "{}: {name} of {from}", module.name);
                }
                for (name, is_exported) in declarations(module) {
                    assert!(declared.insert(name), "{}: {name} is declared twice", module.name);
                    if is_exported {
                        exported.insert((name, module.name));
                    }
                }
            }
        }
    }

    #[test]
    fn every_module_is_on_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/html/script");
        let files = std::fs::read_dir(folder).expect("the folder of the modules");
        let files = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
        let files: BTreeSet<String> = files.filter(|name| name.ends_with(".js")).collect();
        let used: BTreeSet<String> = DUO.iter().chain(PROJECT).map(|module| module.name.to_owned()).collect();
        assert_eq!(files, used);
    }

    #[test]
    fn no_module_can_end_the_script_element() {
        for module in DUO.iter().chain(PROJECT) {
            assert!(!module.source.contains("</") && !module.source.contains("<!--"), "{}", module.name);
        }
    }
}
