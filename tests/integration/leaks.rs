//! What must not leave a pipeline: tokens and keys anywhere, people outside of raw responses.

use std::path::Path;

use memchr::memmem;

use crate::bench::{TOKEN, decompressed};
use crate::pipelines::{KEY, Pipeline, Project};

/// Asserts that no token or key is in the log, an artifact, a cache or a package file. Every pipeline of the
/// tests is checked so.
pub(crate) fn assert_no_secrets(project: &Project<'_>, pipeline: &Pipeline) {
    for (name, content) in files_left(project, pipeline) {
        for (what, secret) in [("token", TOKEN), ("key", KEY)] {
            assert!(memmem::find(&content, secret.as_bytes()).is_none(), "the {what} is in {name}");
        }
    }
}

/// Asserts that people are only in the raw responses of GitLab.
pub(crate) fn assert_no_leaks(project: &Project<'_>, pipeline: &Pipeline) {
    let files = files_left(project, pipeline);
    assert!(files.len() > 20, "artifacts and caches are found: {}", files.len());
    let is_unpacked = |(name, content): &(String, Vec<u8>)| is_gzip(name) && !content.is_empty();
    assert!(files.iter().any(is_unpacked), "compressed files are looked into");
    let mut raw_with_people = 0;
    for (name, content) in files {
        let is_in = |text: &str| memmem::find(&content, format!("\"{text}\"").as_bytes()).is_some();
        let mut people = project.bench.gitlab.organization().people.iter();
        let person =
            people.find(|person| is_in(&person.username) || is_in(&person.name) || is_in(&person.gid()));
        if name.contains("/raw/") {
            raw_with_people += usize::from(person.is_some());
        } else if let Some(person) = person {
            panic!("{} is in {name}", person.username);
        }
    }
    assert!(
        raw_with_people > 0 || pipeline.log.contains("0 rows"),
        "people are looked for as they are written"
    );
}

/// The log, and everything that a pipeline leaves behind, unpacked.
fn files_left(project: &Project<'_>, pipeline: &Pipeline) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = vec![("the log".to_owned(), pipeline.log.clone().into_bytes())];
    for job in pipeline.jobs.keys() {
        files.extend(
            project.artifacts(job).into_iter().map(|(path, content)| (format!("{job} {path}"), content)),
        );
    }
    files.extend(project.caches().into_iter().map(|(path, content)| (path.display().to_string(), content)));
    files.extend(project.bench.gitlab.package_files());
    for (name, content) in &mut files {
        if is_gzip(name) && !content.is_empty() {
            *content = decompressed(content);
        }
    }
    files
}

/// Whether it is a compressed file. The export of an empty history is empty.
fn is_gzip(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "gz")
}
