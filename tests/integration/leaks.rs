//! What must not leave a pipeline: tokens and keys anywhere, people outside of raw responses.

use std::path::Path;

use crate::bench::{Bench, TOKEN, decompressed};
use crate::pipelines::{KEY, Pipeline, Project};

/// Asserts that no token or key is in the log, an artifact, a cache or a package file, and people
/// only in the raw responses of GitLab.
pub(crate) fn assert_no_leaks(bench: &Bench, project: &Project<'_>, pipeline: &Pipeline) {
    let mut files: Vec<(String, Vec<u8>)> = vec![("the log".to_owned(), pipeline.log.clone().into_bytes())];
    for job in pipeline.jobs.keys() {
        files.extend(
            project.artifacts(job).into_iter().map(|(path, content)| (format!("{job} {path}"), content)),
        );
    }
    files.extend(project.caches().into_iter().map(|(path, content)| (path.display().to_string(), content)));
    files.extend(bench.gitlab.package_files());
    assert!(files.len() > 20, "artifacts and caches are found: {}", files.len());
    let people = &bench.gitlab.organization().people;
    let (mut raw_with_people, mut packed) = (0, 0);
    for (name, content) in files {
        let is_packed = is_gzip(&name) && !content.is_empty();
        packed += usize::from(is_packed);
        let content = if is_packed { decompressed(&content) } else { content };
        let contains = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!contains(TOKEN), "the token is in {name}");
        assert!(!contains(KEY), "the key is in {name}");
        let is_in = |text: &str| contains(&format!("\"{text}\""));
        let person = people
            .iter()
            .find(|person| is_in(&person.username) || is_in(&person.name) || is_in(&person.gid()));
        if name.contains("/raw/") {
            raw_with_people += usize::from(person.is_some());
        } else if let Some(person) = person {
            panic!("{} is in {name}", person.username);
        }
    }
    assert!(packed > 0, "compressed files are looked into");
    assert!(
        raw_with_people > 0 || pipeline.log.contains("0 rows"),
        "people are looked for as they are written"
    );
}

/// Whether it is a compressed file. The export of an empty history is empty.
fn is_gzip(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "gz")
}
