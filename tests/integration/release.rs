//! The release pipeline as far as it runs without GitLab: what a tag has to have, the files of a
//! release, and its notes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;

use crate::bench::{Bench, CommandResult, bare_command, run_command};
use crate::pipelines::{Project, documents, read, root};
use crate::tools::{Tool, are_available};

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a program in a folder, which must succeed, and returns its output.
pub(crate) fn output(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let result = result(folder, program, arguments);
    assert_eq!(result.code, 0, "{program} {arguments:?}: {}", result.stderr);
    String::from_utf8(result.stdout).expect("text")
}

fn result(folder: &Path, program: &str, arguments: &[&str]) -> CommandResult {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    run_command(command, b"")
}

/// A copy of this repository as a new one with a single commit.
pub(crate) fn copy(folder: &Path) -> PathBuf {
    let copy = folder.join("copy");
    let files = output(root(), "git", &["ls-files"]);
    for file in files.lines().filter(|file| root().join(file).is_file()) {
        std::fs::create_dir_all(copy.join(file).parent().expect("a folder")).expect("a folder");
        std::fs::copy(root().join(file), copy.join(file)).expect("copied");
    }
    for arguments in [
        ["init", "--quiet", "--initial-branch=main"].as_slice(),
        &["config", "user.name", "Tester"],
        &["config", "user.email", "tester@example.com"],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "begin"],
    ] {
        output(&copy, "git", arguments);
    }
    copy
}

/// Changes a file of a copy, which must contain this text.
fn replace(copy: &Path, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(copy.join(file)).expect("a file");
    assert!(text.contains(from), "{file} contains {from}");
    std::fs::write(copy.join(file), text.replacen(from, to, 1)).expect("written");
}

/// Creates the archive of a release with the program of the tests.
fn create_archive(target: &str, folder: &Path) {
    let program = bare_command(root(), &[]).get_program().to_owned();
    let arguments = [program.to_str().expect("text"), VERSION, target, folder.to_str().expect("text")];
    output(root(), "release/archive", &arguments);
}

/// Puts that archive into a folder. Compression takes seconds, so one archive serves all tests.
pub(crate) fn archive(target: &'static str, folder: &Path) {
    static ARCHIVES: Mutex<BTreeMap<&str, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let name = format!("duo-metrics-{VERSION}-{target}.tar.gz");
    let mut archives = ARCHIVES.lock().expect("no panic while held");
    let bytes = archives.entry(target).or_insert_with(|| {
        let folder = tempfile::tempdir().expect("a folder");
        create_archive(target, folder.path());
        std::fs::read(folder.path().join(&name)).expect("an archive")
    });
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join(name), bytes).expect("written");
}

#[test]
fn a_tag_needs_its_version_its_image_and_its_changelog() {
    if !are_available(&[Tool::Program("git")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let copy = copy(folder.path());
    let check = |tag: &str| result(&copy, "release/check", &[tag]);
    let refused = |tag: &str, reason: &str| {
        let checked = check(tag);
        assert!(checked.code == 1 && checked.stderr.contains(reason), "{tag}: {}", checked.stderr);
        assert_eq!(checked.stderr.lines().count(), 1, "{}", checked.stderr);
    };
    refused(VERSION, &format!("no section \"## {VERSION}\""));
    replace(&copy, "CHANGELOG.md", "## Unreleased\n", &format!("## {VERSION} - 2026-12-01\n"));
    let accepted = check(VERSION);
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert_eq!(check(&format!("{VERSION}-rc.1")).code, 0, "a rehearsal of the same commit");
    refused("99.0.0", "Cargo.toml");
    for tag in ["v1.0.0", "1.0", "1.0.0-beta", "1.0.0-rc", ""] {
        refused(tag, "not a version");
    }
    let mut unprotected = Command::new(copy.join("release/check"));
    unprotected.arg(VERSION).env("CI_COMMIT_REF_PROTECTED", "false");
    let unprotected = run_command(unprotected, b"");
    assert!(unprotected.code == 1 && unprotected.stderr.contains("not protected"), "{}", unprotected.stderr);
    // The image of an earlier release in one of the two files.
    replace(&copy, "templates/duo-metrics.yml", &format!(":{VERSION}"), ":0.0.9");
    refused(VERSION, "templates/duo-metrics.yml");
    replace(&copy, "templates/duo-metrics.yml", ":0.0.9", &format!(":{VERSION}"));
    // A section without text.
    replace(
        &copy,
        "CHANGELOG.md",
        &format!("## {VERSION} - 2026-12-01\n"),
        &format!("## {VERSION}\n\n## 0.0.1\n"),
    );
    refused(VERSION, "no section");
}

#[test]
fn the_path_of_the_project_is_changed_by_one_command() {
    if !are_available(&[Tool::Program("git")]) {
        return;
    }
    let repository = env!("CARGO_PKG_REPOSITORY");
    assert_eq!(env!("CARGO_PKG_HOMEPAGE"), repository);
    let project = repository.splitn(4, '/').nth(3).expect("a path");
    assert_eq!(output(root(), "release/project", &[]).trim(), project);
    let folder = tempfile::tempdir().expect("a folder");
    let copy = copy(folder.path());
    for refused in
        ["platform/metrics", "http://gitlab.example.com/platform/metrics", "https://gitlab.example.com/x"]
    {
        assert_eq!(result(&copy, "release/project", &[refused]).code, 1, "{refused}");
    }
    assert_eq!(output(&copy, "git", &["status", "--porcelain"]), "");

    output(&copy, "release/project", &["https://gitlab.acme.example/platform/tools/metrics/"]);
    assert_eq!(output(&copy, "release/project", &[]), "platform/tools/metrics\n");
    for (file, text) in [
        ("Cargo.toml", "repository = \"https://gitlab.acme.example/platform/tools/metrics\""),
        ("component.yml", "$CI_REGISTRY/platform/tools/metrics:"),
        ("templates/duo-metrics.yml", "$CI_REGISTRY/platform/tools/metrics:"),
        ("README.md", "- component: $CI_SERVER_FQDN/platform/tools/metrics/duo-metrics@"),
        ("README.md", "https://gitlab.acme.example/platform/tools/metrics/-/releases/"),
        ("docs/reference.md", "`$CI_REGISTRY/platform/tools/metrics:"),
        ("examples/pipelines/minimal.yml", "$CI_SERVER_FQDN/platform/tools/metrics/duo-metrics@"),
        (".gitlab/CODEOWNERS", "@platform\n"),
    ] {
        let content = std::fs::read_to_string(copy.join(file)).expect("a file");
        assert!(content.contains(text), "{file}: {text}");
    }
    // A mirror in an example keeps its path, and nothing else names the old one.
    let rest = result(&copy, "git", &["grep", "--line-number", "-I", "--fixed-strings", project]);
    let rest = String::from_utf8(rest.stdout).expect("text");
    let rest: Vec<&str> = rest.lines().filter(|line| !line.contains("platform/")).collect();
    assert!(rest.is_empty(), "{rest:#?}");
    replace(&copy, "CHANGELOG.md", "## Unreleased\n", &format!("## {VERSION}\n"));
    assert_eq!(result(&copy, "release/check", &[VERSION]).code, 0, "the moved project can be released");
}

#[test]
fn the_same_program_gives_the_same_archive() {
    if !are_available(&[Tool::Program("git"), Tool::Program("tar")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    create_archive("x86_64-unknown-linux-musl", &one);
    create_archive("x86_64-unknown-linux-musl", &two);
    let name = format!("duo-metrics-{VERSION}-x86_64-unknown-linux-musl");
    let bytes = |folder: &Path| std::fs::read(folder.join(format!("{name}.tar.gz"))).expect("an archive");
    assert!(bytes(&one) == bytes(&two), "two archives of one program differ");

    let list = output(&one, "tar", &["-tvzf", &format!("{name}.tar.gz")]);
    for file in [
        "duo-metrics",
        "LICENSE",
        "README.md",
        "man/duo-metrics.1",
        "man/duo-metrics-fetch.1",
        "completions/duo-metrics.bash",
        "completions/duo-metrics.fish",
        "completions/_duo-metrics",
    ] {
        assert!(list.lines().any(|line| line.ends_with(&format!(" {name}/{file}"))), "{file}: {list}");
    }
    assert!(list.lines().all(|line| line.contains(" 0/0 ")), "nobody's user id: {list}");
    assert!(list.lines().any(|line| line.starts_with("-rwxr-xr-x") && line.ends_with("/duo-metrics")));
}

#[test]
fn the_notes_contain_the_changes_the_include_and_the_digests() {
    if !are_available(&[Tool::Program("git")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let copy = copy(folder.path());
    replace(
        &copy,
        "CHANGELOG.md",
        "## Unreleased\n",
        &format!("## {VERSION} - 2026-12-01\n\n### Fixed\n\n- What was wrong.\n\n## 0.0.9\n"),
    );
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    std::fs::write(files.join("duo-metrics-x86_64-linux"), "program").expect("written");
    output(&copy, "release/checksums", &[files.to_str().expect("text")]);
    let sums = std::fs::read_to_string(files.join("SHA256SUMS")).expect("sums");
    let (digest, name) = sums.trim().split_once("  ").expect("a line");
    assert_eq!((digest.len(), name), (64, "duo-metrics-x86_64-linux"), "it does not list itself");

    let notes = |tag: &str, path: &str, image: &[&str]| {
        let mut command = Command::new(copy.join("release/notes"));
        command.args([tag, files.to_str().expect("text")]).args(image);
        command.env("CI_PROJECT_PATH", path).env("CI_PROJECT_URL", format!("https://gitlab.com/{path}"));
        command.env("CI_SERVER_URL", "https://gitlab.com");
        let result = run_command(command, b"");
        assert_eq!(result.code, 0, "{}", result.stderr);
        String::from_utf8(result.stdout).expect("text")
    };
    let image_digest = format!("sha256:{digest}");
    let project = output(root(), "release/project", &[]).trim().to_owned();
    let image = |path: &str, tag: &str| format!("registry.example.com/{path}:{tag}");
    let ours = notes(VERSION, &project, &[&image(&project, VERSION), &image_digest]);
    assert!(ours.starts_with("### Fixed\n\n- What was wrong.\n\n## Use this version\n"), "{ours}");
    assert!(
        ours.contains(&format!("- component: $CI_SERVER_FQDN/{project}/duo-metrics@{VERSION}\n```\n")),
        "{ours}"
    );
    assert!(ours.contains(&format!("registry.example.com/{project}@{image_digest}\n")), "{ours}");
    assert!(ours.contains(&format!("| `duo-metrics-x86_64-linux` | `{digest}` |\n")), "{ours}");
    assert!(!ours.contains("cosign"), "it is not signed: {ours}");

    // A mirror has its image at another path, and a rehearsal under another tag.
    let mirror = notes(VERSION, "platform/metrics", &[&image("platform/metrics", VERSION), &image_digest]);
    assert!(mirror.contains(&format!("image: $CI_REGISTRY/platform/metrics:{VERSION}\n")), "{mirror}");
    let candidate = format!("{VERSION}-rc.1");
    let rehearsal = notes(&candidate, &project, &[&image(&project, &candidate), &image_digest]);
    assert!(rehearsal.contains(&format!("image: $CI_REGISTRY/{project}:{candidate}\n")), "{rehearsal}");
    let without_registry = notes(VERSION, "platform/metrics", &[]);
    assert!(without_registry.contains("no container registry"), "{without_registry}");

    std::fs::write(files.join("SHA256SUMS.bundle"), "{}").expect("written");
    let signed = notes(VERSION, &project, &[]);
    let identity = format!("\"https://gitlab.com/{project}//.gitlab-ci.yml@refs/tags/{VERSION}\"");
    assert!(signed.contains("cosign verify-blob SHA256SUMS") && signed.contains(&identity), "{signed}");
}

/// The jobs that a job needs, directly or not.
fn needed(pipeline: &Value, job: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![job.to_owned()];
    while let Some(job) = rest.pop() {
        for need in pipeline[&job]["needs"].as_array().into_iter().flatten() {
            let name = need.as_str().or(need["job"].as_str()).expect("a job");
            if found.insert(name.to_owned()) {
                rest.push(name.to_owned());
            }
        }
    }
    found
}

#[test]
fn a_release_waits_for_tests_advisories_and_the_started_image() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = Project::new(&bench, "duo-metrics", &read(".gitlab-ci.yml"));
    project.set("CI_PIPELINE_SOURCE", Some("push"));
    let jobs = |project: &mut Project<'_>, tag: &str, host: &str| -> BTreeSet<String> {
        project.set("CI_COMMIT_TAG", Some(tag));
        project.set("CI_SERVER_HOST", Some(host));
        project.jobs().into_iter().collect()
    };
    let expected = [
        "tag",
        "test",
        "advisories",
        "release-binary: [x86_64]",
        "release-binary: [aarch64]",
        "sbom",
        "job-image",
        "try-image",
        "archives",
        "package",
    ];
    let set = |more: &[&str]| expected.iter().chain(more).map(|name| (*name).to_owned()).collect();
    assert_eq!(jobs(&mut project, "1.2.3", "gitlab.com"), set(&["sign", "release"]));
    assert_eq!(jobs(&mut project, "1.2.3", "gitlab.example.com"), set(&["release"]), "no public issuer");
    assert_eq!(jobs(&mut project, "1.2.3-rc.1", "gitlab.example.com"), set(&[]), "a rehearsal");
    for other in ["v1.2.3", "1.2", "1.2.3-beta.1"] {
        let jobs = jobs(&mut project, other, "gitlab.com");
        assert!(!jobs.contains("package") && !jobs.contains("release"), "{other}: {jobs:?}");
    }

    let pipeline = documents(&root().join(".gitlab-ci.yml")).remove(0);
    let before = needed(&pipeline, "release");
    for job in ["package", "tag", "test", "advisories", "try-image", "archives", "sbom", "sign"] {
        assert!(before.contains(job), "{job} is before the release: {before:?}");
    }
    assert_eq!(pipeline["release-binary"]["cache"], Value::Array(Vec::new()));
    assert_eq!(pipeline["release"]["release"]["description"], "notes.md");
}

#[test]
fn the_files_of_a_release_are_those_of_its_links() {
    if !are_available(&[Tool::GitlabCiLocal, Tool::Program("git")]) {
        return;
    }
    let pipeline = documents(&root().join(".gitlab-ci.yml")).remove(0);
    let links: BTreeSet<String> = pipeline["release"]["release"]["assets"]["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|link| {
            let (_, file) = link["url"].as_str().and_then(|url| url.rsplit_once('/')).expect("a URL");
            assert_eq!(link["filepath"], format!("/{file}"));
            file.replace("$CI_COMMIT_TAG", VERSION)
        })
        .collect();
    // The programs and the bill of materials are artifacts of earlier jobs; the rest is made here.
    let folder = tempfile::tempdir().expect("a folder");
    let dist = folder.path().join("dist");
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        archive(target, &dist);
    }
    for earlier in
        ["duo-metrics-x86_64-linux", "duo-metrics-aarch64-linux", &format!("duo-metrics-{VERSION}.cdx.json")]
    {
        std::fs::write(dist.join(earlier), earlier).expect("written");
    }
    output(root(), "release/checksums", &[dist.to_str().expect("text")]);
    let files = std::fs::read_dir(&dist).expect("a folder");
    let files: BTreeSet<String> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("text")).collect();
    assert_eq!(files, links);
    let sums = std::fs::read_to_string(dist.join("SHA256SUMS")).expect("sums");
    assert_eq!(sums.lines().count(), files.len() - 1, "all but itself: {sums}");
}

#[test]
fn images_and_tools_of_the_pipeline_have_an_exact_version() {
    let pipeline = read(".gitlab-ci.yml");
    let images: Vec<&str> = pipeline.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
    assert!(images.len() >= 8, "{images:?}");
    for image in images.iter().filter(|image| !image.starts_with('$')) {
        let (_, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"));
        let numbers = tag.split('-').next().expect("a part").trim_start_matches('v').split('.');
        let is_exact = tag.contains("sha256:")
            || (numbers.clone().count() >= 2 && numbers.clone().all(|part| part.parse::<u32>().is_ok()));
        assert!(is_exact, "{image} can change");
    }
    let installs: Vec<&str> = pipeline.lines().filter(|line| line.contains("cargo install")).collect();
    assert!(
        installs.len() == 2 && installs.iter().all(|line| line.contains("--locked") && line.contains('@'))
    );
    // Renovate keeps them current, and adds the digests.
    let renovate: Value = serde_json::from_str(&read("renovate.json")).expect("JSON");
    assert!(renovate["extends"].as_array().expect("presets").contains(&"docker:pinDigests".into()));
}
