//! The layout of the source: imports run downward, no two units import each other, and pure code
//! names no I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::documents::{root, sources};

/// The folders of `src` from the top; each imports only from those below it. See
/// docs/architecture.md for their contents.
const STAGES: [&str; 14] = [
    "commands",
    "cli",
    "check",
    "lint",
    "publish",
    "aggregate",
    "normalize",
    "collect",
    "stream",
    "system",
    "model",
    "events",
    "json",
    "base",
];

/// The units that use servers, files, threads, the clock or the environment. All others are pure.
const EDGE: [&str; 10] = [
    "aggregate::aggregator",
    "aggregate::clickhouse",
    "aggregate::history",
    "cli",
    "collect::checkpoint",
    "collect::gitlab",
    "collect::parallel",
    "collect::scheduler",
    "commands",
    "stream::chunks",
];

/// Paths that pure code must not use.
const IMPURE_PATHS: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "ureq",
    "stdin()",
    "stdout()",
    "stderr()",
];

/// The code of all modules below `src`, without comments and tests, by path (`model::line`).
fn modules() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut modules = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let path = file.strip_prefix(root().join("src")).expect("below src").with_extension("");
        let mut names: Vec<_> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        let text = std::fs::read_to_string(file).expect("a readable file");
        let code = text.split("#[cfg(test)]").next().expect("a first part");
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: Vec<&str> = code.lines().filter(is_code).collect();
        modules.insert(names.join("::"), code.join("\n"));
    }
    modules.retain(|module, _| module != "main" && module != "lib" && !module.ends_with("::tests"));
    modules
}

/// The module of a path: `model::line::Line` is in `model::line`.
fn module_of<'a>(modules: &'a BTreeMap<String, String>, path: &str) -> Option<&'a str> {
    let mut path = path.trim_end_matches(':');
    loop {
        if let Some((module, _)) = modules.get_key_value(path) {
            return Some(module);
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The modules that code imports with paths from the crate root.
fn imports<'a>(modules: &'a BTreeMap<String, String>, code: &str) -> BTreeSet<&'a str> {
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let end = rest.find(|letter| !is_of_path(letter)).unwrap_or(rest.len());
        found.extend(module_of(modules, &rest[..end]));
        // `use crate::model::{line, record};`
        if let Some(list) = rest[end..].strip_prefix('{').and_then(|rest| rest.split('}').next()) {
            let paths = list.split(',').map(|name| format!("{}{}", &rest[..end], name.trim()));
            found.extend(paths.filter_map(|path| module_of(modules, &path)));
        }
    }
    found
}

/// The unit of a module: a folder of a stage, or a file directly in it.
fn unit_of(module: &str) -> String {
    module.split("::").take(2).collect::<Vec<_>>().join("::")
}

fn stage_of(module: &str) -> usize {
    let name = module.split("::").next().expect("a first part");
    STAGES
        .iter()
        .position(|stage| *stage == name)
        .unwrap_or_else(|| panic!("{module} is in no stage; put its folder into STAGES, and into src/lib.rs"))
}

#[test]
fn stages_are_the_source_folders_in_order() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).expect("a readable file");
    let declared: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, STAGES);
    for stage in STAGES {
        let folder = root().join("src").join(stage);
        assert!(folder.is_dir() || folder.with_extension("rs").is_file(), "{stage}");
    }
}

#[test]
fn imports_run_downward() {
    let modules = modules();
    let mut seen = 0;
    for (module, code) in &modules {
        for imported in imports(&modules, code) {
            assert!(
                stage_of(imported) >= stage_of(module),
                "{module} imports {imported} from a higher stage: move the shared code down"
            );
            seen += 1;
        }
    }
    assert!(seen > 300, "only {seen} imports were read");
}

#[test]
fn units_have_no_import_cycles() {
    let modules = modules();
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, code) in &modules {
        let unit = unit_of(module);
        let mut imported: BTreeSet<_> = imports(&modules, code).into_iter().map(unit_of).collect();
        let folder = module.rsplit_once("::").map_or("", |(folder, _)| folder);
        for rest in code.split("super::").skip(1) {
            let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next();
            let sibling = format!("{folder}::{}", name.expect("a first part"));
            imported.extend(modules.contains_key(&sibling).then(|| unit_of(&sibling)));
        }
        imported.remove(&unit);
        below.entry(unit).or_default().extend(imported);
    }
    // Removes units without imports of remaining units; the rest is part of an import cycle.
    while let Some(unit) =
        below.iter().find(|(_, imported)| !imported.iter().any(|unit| below.contains_key(unit)))
    {
        let unit = unit.0.clone();
        below.remove(&unit);
    }
    assert!(below.is_empty(), "these import each other, or what does: {:?}", below.keys());
}

#[test]
fn pure_code_uses_no_io() {
    for (module, code) in modules() {
        let unit = unit_of(&module);
        let stage = unit.split("::").next().expect("a first part");
        if EDGE.contains(&&*unit) || EDGE.contains(&stage) || stage == "system" {
            continue;
        }
        for outside in IMPURE_PATHS {
            assert!(!code.contains(outside), "{module} is pure and names {outside}");
        }
    }
}
