//! The shell scripts and YAML files of the repository, checked by shellcheck, yamllint and GitLab's
//! schema.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, run_command};
use crate::pipelines::{Project, documents, root};
use crate::tools::{Tool, are_available};

/// Folders with files that are not ours.
const FOREIGN: [&str; 4] = ["target", "node_modules", ".git", "corpus"];

/// The files of the repository that a condition selects.
fn files(is_selected: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_foreign = path.file_name().is_some_and(|name| FOREIGN.iter().any(|other| name == *other));
            if path.is_dir() && !is_foreign {
                folders.push(path);
            } else if path.is_file() && is_selected(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|other| extension == *other))
}

/// Runs shellcheck, whose findings are the panic message.
fn shellcheck(name: &str, arguments: &[&str], path: &Path) {
    let mut command = Command::new("shellcheck");
    command.args(arguments).arg(path);
    let result = run_command(command, b"");
    assert_eq!(result.code, 0, "{name}: {}{}", String::from_utf8_lossy(&result.stdout), result.stderr);
}

/// The scripts of the jobs of a YAML file, each as one text. The runner runs `before_script` and
/// `script` in one shell.
fn job_scripts(path: &Path) -> Vec<(String, String)> {
    let mut scripts = Vec::new();
    for document in documents(path) {
        for (name, job) in document.as_object().into_iter().flatten() {
            let lines = |key: &str| {
                let mut text = String::new();
                let mut rest: Vec<&Value> = vec![&job[key]];
                while let Some(value) = rest.pop() {
                    match value {
                        Value::String(line) => text.push_str(&format!("{line}\n")),
                        Value::Array(items) => rest.extend(items.iter().rev()),
                        _ => {}
                    }
                }
                text
            };
            let text = lines("before_script") + &lines("script");
            if !text.is_empty() {
                scripts.push((format!("{}: {name}", path.display()), text));
            }
        }
    }
    scripts
}

#[test]
fn shell_scripts_have_no_findings() {
    if !are_available(&[Tool::GitlabCiLocal, Tool::Program("shellcheck")]) {
        return;
    }
    let scripts = files(|path| {
        !has_extension(path, &["rs", "md", "yml", "json"])
            && std::fs::read(path).is_ok_and(|text| {
                ["#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash"]
                    .iter()
                    .any(|first| text.starts_with(first.as_bytes()))
            })
    });
    assert!(scripts.len() > 5, "{scripts:?}");
    for path in &scripts {
        shellcheck(&path.display().to_string(), &["--severity=style"], path);
    }
    let bench = Bench::new(1, 1);
    let place = bench.path("script.sh");
    let mut jobs = 0;
    for path in files(|path| has_extension(path, &["yml"])) {
        for (name, text) in job_scripts(&path) {
            // The runner runs all lines of a job with errexit.
            std::fs::write(&place, format!("set -e\n{text}")).expect("written");
            shellcheck(&name, &["--shell=sh", "--severity=style"], &place);
            jobs += 1;
        }
    }
    assert!(jobs > 15, "{jobs}");
}

#[test]
fn yaml_files_have_no_findings() {
    if !are_available(&[Tool::Program("yamllint")]) {
        return;
    }
    let mut command = Command::new("yamllint");
    command.args(["--strict", "--config-data", "{extends: default, rules: {line-length: disable, document-start: disable, braces: {max-spaces-inside: 0}, indentation: {indent-sequences: whatever}}}"]);
    let yaml = files(|path| has_extension(path, &["yml", "yaml"]));
    assert!(yaml.len() > 8, "{yaml:?}");
    command.args(&yaml);
    let result = run_command(command, b"");
    assert_eq!(result.code, 0, "{}", String::from_utf8_lossy(&result.stdout));
}

#[test]
fn the_component_passes_gitlabs_schema_with_all_forms_of_its_inputs() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(1, 1);
    for (number, inputs) in [
        "tags: []",
        "tags: [small, linux]",
        "publish: false",
        "folder: public/duo",
        "needs: [a, b]",
        "checkout: clone",
        "job_prefix: \"\"",
    ]
    .into_iter()
    .enumerate()
    {
        for file in ["component.yml", "templates/duo-metrics.yml"] {
            let others = "a: {stage: build, script: [\"true\"]}\nb: {stage: build, script: [\"true\"]}\n";
            let pipeline = format!("include:\n  - local: {file}\n    inputs:\n      {inputs}\n{others}");
            let name = format!("schema-{number}-{}", file.len());
            let project = Project::new(&bench, &name, &pipeline).with("ENABLE_DUO_METRICS", "true");
            assert!(project.merged().is_object(), "{file} {inputs}");
        }
    }
}
