//! The test bench for pipelines: a consumer's project, whose jobs gitlab-ci-local runs with a
//! stand-in GitLab.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, TOKEN, bare_command, files_below, run_command};
use crate::leaks::assert_no_secrets;

/// The pseudonym key.
pub(crate) const KEY: &str = "pseudonym-key-5d1f0c";

/// A project with a pipeline.
pub(crate) struct Project<'a> {
    pub(crate) bench: &'a Bench,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    /// Whether the jobs find the program of the tests on their search path, as in the job image.
    has_our_program: bool,
    /// Whether the configuration, which stays the same, has been validated against GitLab's schema: this takes longer than
    /// all the rest of a list of jobs.
    validated: Cell<bool>,
}

/// The result of a pipeline.
pub(crate) struct Pipeline {
    /// Output of the jobs and the runner.
    pub(crate) log: String,
    /// `PASS`, `WARN` or `FAIL` by job, for jobs that ran.
    pub(crate) jobs: BTreeMap<String, String>,
    /// Whether its status in GitLab would be passed.
    pub(crate) passed: bool,
}

impl<'a> Project<'a> {
    /// The project `acme/NAME` with this `.gitlab-ci.yml` and the files of the component.
    pub(crate) fn new(bench: &'a Bench, name: &str, pipeline: &str) -> Project<'a> {
        let folder = bench.path(name);
        let (component, template) = (read("component.yml"), read("templates/duo-metrics.yml"));
        for (path, content) in [
            ("component.yml", component.as_str()),
            ("templates/duo-metrics.yml", &template),
            (".gitlab-ci.yml", pipeline),
            (".gitignore", ".gitlab-ci-local/\n"),
        ] {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, content).expect("written");
        }
        let project = Project {
            bench,
            folder,
            variables: BTreeMap::new(),
            has_our_program: true,
            validated: Cell::new(false),
        };
        for arguments in [
            ["init", "--quiet", "--initial-branch=main", "."].as_slice(),
            &["config", "user.name", "Tester"],
            &["config", "user.email", "tester@example.com"],
            &["remote", "add", "origin", &format!("git@gitlab.example.com:acme/{name}.git")],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "begin"],
        ] {
            let status = project.command("git").args(arguments).status().expect("git runs");
            assert!(status.success(), "git {arguments:?}");
        }
        project
            .with("DUO_TOKEN", TOKEN)
            .with("GROUP_PATH", "acme")
            .with("GITLAB_URL", &bench.gitlab.url())
            .with("CI_API_V4_URL", &format!("{}/api/v4", bench.gitlab.url()))
            .with("CI_JOB_TOKEN", &format!("{TOKEN}-job"))
            .with("CI_PROJECT_ID", "7")
            .with("CI_PAGES_URL", "https://acme.pages.example.com/metrics")
            .with("CI_PIPELINE_SOURCE", "schedule")
            .with("CI_PROJECT_VISIBILITY", "private")
            .with("DUO_METRICS_NOW", "2026-11-01T03:00:00Z")
    }

    /// Sets a CI/CD variable of the project.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Project<'a> {
        self.set(name, Some(value));
        self
    }

    /// Sets or removes a CI/CD variable of the project.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.variables.insert(name.to_owned(), value.to_owned()),
            None => self.variables.remove(name),
        };
    }

    /// Adds a file to the project.
    pub(crate) fn commit(&self, path: &str, content: &[u8]) {
        let place = self.folder.join(path);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        std::fs::write(place, content).expect("written");
        for arguments in [["add", "--force", path].as_slice(), &["commit", "--quiet", "--message", "add"]] {
            let status = self.command("git").args(arguments).status().expect("git runs");
            assert!(status.success(), "git {arguments:?}");
        }
    }

    /// Whether there is such a file, in the project or in the folder of a job.
    pub(crate) fn exists(&self, name: &str) -> bool {
        files_below(&self.folder).iter().any(|(path, _)| path.ends_with(name))
    }

    /// The jobs bring their own program.
    pub(crate) fn without_our_program(mut self) -> Project<'a> {
        self.has_our_program = false;
        self
    }

    /// Creates this branch from the current commit and runs the next pipelines on it.
    pub(crate) fn switch_to(&self, branch: &str) {
        let status = self.command("git").args(["switch", "--quiet", "-C", branch]).status();
        assert!(status.expect("git runs").success(), "git switch {branch}");
    }

    /// Runs a pipeline.
    pub(crate) fn run(&self) -> Pipeline {
        self.run_only(&[])
    }

    /// Runs these jobs and the jobs they need; all jobs if none are given.
    pub(crate) fn run_only(&self, names: &[&str]) -> Pipeline {
        // `merged` validates the configuration against the schema.
        let (log, passed) = self.call(&[&["--json-schema-validation=false"], names].concat());
        let statuses = log.lines().filter_map(|line| {
            let (status, job) = line.trim().split_once("  ")?;
            ["PASS", "WARN", "FAIL"].contains(&status).then_some((job, status))
        });
        let jobs = statuses
            .map(|(job, status)| {
                // The name of a failed job is followed by the reason.
                let name = job.split("  ").next().unwrap_or(job).trim();
                (name.to_owned(), status.to_owned())
            })
            .filter(|(name, _)| !name.starts_with("Avoid "))
            .collect();
        let pipeline = Pipeline { log, jobs, passed };
        assert_no_secrets(self, &pipeline);
        pipeline
    }

    /// The names of the jobs that a pipeline would have. The first call validates the configuration against GitLab's schema.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let validate = format!("--json-schema-validation={}", !self.validated.get());
        let (list, passed) = self.call(&["--list-json", &validate]);
        assert!(passed, "{list}");
        self.validated.set(true);
        let list = list[list.find("\n[").map_or(0, |at| at + 1)..].trim();
        let end = list.rfind(']').map_or(list.len(), |at| at + 1);
        let list: Value =
            serde_json::from_str(&list[..end]).unwrap_or_else(|error| panic!("{error}: {list}"));
        let jobs = list.as_array().expect("a list").iter().filter(|job| job["when"] != "never");
        jobs.map(|job| job["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The merged configuration of the pipeline, validated against GitLab's schema.
    pub(crate) fn merged(&self) -> Value {
        let (preview, passed) = self.call(&["--preview"]);
        assert!(passed, "{preview}");
        let path = self.folder.join("merged.yml");
        let start = preview.find("---\n").or_else(|| preview.find("stages:")).expect("the configuration");
        std::fs::write(&path, &preview[start..]).expect("written");
        documents(&path).pop().expect("a document")
    }

    /// The artifacts of a job in the last pipeline, by path.
    pub(crate) fn artifacts(&self, job: &str) -> Vec<(String, Vec<u8>)> {
        let folder = self.folder.join(".gitlab-ci-local/artifacts").join(job.replace(':', "Og"));
        if !folder.is_dir() {
            return Vec::new();
        }
        let name =
            |path: PathBuf| path.strip_prefix(&folder).expect("it is below").to_string_lossy().into_owned();
        files_below(&folder).into_iter().map(|(path, content)| (name(path), content)).collect()
    }

    /// The content of an artifact of a job, as text.
    pub(crate) fn artifact(&self, job: &str, path: &str) -> Option<String> {
        let found = self.artifacts(job).into_iter().find(|(name, _)| name == path)?;
        Some(String::from_utf8_lossy(&found.1).into_owned())
    }

    /// Stores the artifacts of these jobs in the stand-in, as those of a successful pipeline.
    pub(crate) fn keep(&self, jobs: &[&str]) {
        for job in jobs {
            for (path, content) in self.artifacts(job) {
                self.bench.gitlab.keep_artifact(job, &path, content);
            }
        }
    }

    /// Deletes the caches of the runner.
    pub(crate) fn lose_caches(&self) {
        std::fs::remove_dir_all(self.folder.join(".gitlab-ci-local/cache")).expect("there were caches");
    }

    /// The files of the caches.
    pub(crate) fn caches(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_below(&self.folder.join(".gitlab-ci-local/cache"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear();
        let ours = bare_command(&self.folder, &[]).get_program().to_owned();
        let ours = Path::new(&ours).parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(
            std::iter::once(ours).filter(|_| self.has_our_program).chain(std::env::split_paths(&path)),
        );
        command.env("PATH", path.expect("a search path")).env("HOME", self.bench.folder());
        command
    }

    fn call(&self, arguments: &[&str]) -> (String, bool) {
        let script = root().join("tests/pipelines/node_modules/gitlab-ci-local/dist/index.js");
        assert!(
            script.is_file(),
            "gitlab-ci-local is missing; tests/run installs it, or npm ci in tests/pipelines"
        );
        let mut command = self.command("node");
        command.arg(script);
        command.args(["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"]);
        for (name, value) in &self.variables {
            command.arg("--variable").arg(format!("{name}={value}"));
        }
        command.args(arguments);
        let result = run_command(command, b"");
        // Results are on standard output, messages on standard error.
        let stdout = String::from_utf8_lossy(&result.stdout).into_owned();
        let is_list = arguments.iter().any(|argument| ["--list-json", "--preview"].contains(argument));
        let log = if !is_list || result.code != 0 { stdout + &result.stderr } else { stdout };
        (log, result.code == 0)
    }
}

/// This repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of this repository.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
pub(crate) fn documents(path: &Path) -> Vec<Value> {
    let mut command = Command::new("node");
    command.current_dir(root().join("tests/pipelines")).arg("-e").arg(
        "const yaml = require('js-yaml'), fs = require('fs');
         console.log(JSON.stringify(yaml.loadAll(fs.readFileSync(process.argv[1], 'utf8'))))",
    );
    command.arg(path);
    let result = run_command(command, b"");
    assert_eq!(result.code, 0, "{}: {}", path.display(), result.stderr);
    let Value::Array(documents) = serde_json::from_slice(&result.stdout).expect("JSON") else {
        panic!("a list of documents")
    };
    documents
}
