//! The documents match the code, and their links are valid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use duo_metrics::aggregate::metrics::definitions;
use duo_metrics::collect::collectors::COLLECTORS;
use duo_metrics::events::features::REACHED_EVENTS;
use duo_metrics::model::line::RECORD_TYPES;

use crate::bench::{bare_command, lines_of, run_command};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn docs_list_the_fields_of_each_record() {
    let text = read("docs/streams.md");
    for (name, fields) in RECORD_TYPES {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/streams.md has no row for {name}"));
        let of_all = ["instance", "collector", "scope", "day", "fetched_at", "row"];
        for field in fields.iter().filter(|field| !of_all.contains(*field)) {
            assert!(row.contains(&format!("`{field}`")), "docs/streams.md: {name} lacks {field}");
        }
    }
}

#[test]
fn docs_list_the_metrics_of_the_code() {
    let mut text = String::from(
        "# Metrics\n\nGenerated from the definitions in `src/aggregate/metrics/`; `BLESS=1 tests/run` regenerates it.\n\
         Grains: D day, W ISO week, M month, X the last 28 days (rolling). By: `-` is the total, `a×b` two\n\
         dimensions crossed. All days are UTC. The fields of a metric line are in [streams.md](streams.md).\n\n| metric | unit | grains | by | definition |\n|---|---|---|---|---|\n",
    );
    for definition in definitions() {
        let grains: Vec<&str> = definition
            .grains
            .iter()
            .map(|grain| match grain.to_string().as_str() {
                "day" => "D",
                "week" => "W",
                "month" => "M",
                _ => "X",
            })
            .collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            definition.metric,
            definition.unit.as_str(),
            grains.join(" "),
            definition.by.join(", "),
            definition.text
        ));
    }
    text.push_str("\n## Intentional use and reached\n\nA person is active by an event of intentional use. By these events a person is only reached: something\nis shown to them or done for them. Every other event, including an unknown one, is intentional use:\n\n");
    for event in REACHED_EVENTS {
        text.push_str(&format!("- `{event}`\n"));
    }
    let path = root().join("docs/metrics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the document can be written");
    }
    assert_eq!(read("docs/metrics.md"), text);
}

#[test]
fn the_metrics_command_lists_the_metrics_of_the_code() {
    let list = |arguments: &[&str]| {
        let listed = run_command(bare_command(root(), &[&["metrics"], arguments].concat()), b"");
        assert_eq!(listed.code, 0, "{}", listed.stderr);
        listed.stdout
    };
    let text = String::from_utf8(list(&["--list"])).expect("text");
    assert!(text.contains("All days are UTC"));
    let json = list(&["--list", "--format", "json"]);
    let (defined, exposed) = (lines_of(&json, "definition"), lines_of(&json, "exposed"));
    assert_eq!(defined.len(), definitions().count());
    for (line, definition) in defined.iter().zip(definitions()) {
        assert_eq!(line["metric"], definition.metric);
        assert_eq!(line["definition"], definition.text);
        assert_eq!(line["by"], serde_json::json!(definition.by));
        assert_eq!(line["grains"].as_array().expect("a list").len(), definition.grains.len());
        assert!(line["unit"].is_string() && line["title"].is_string());
        assert!(text.contains(&format!("\n{}\n", definition.metric)) && text.contains(definition.text));
    }
    for (line, event) in exposed.iter().zip(REACHED_EVENTS) {
        assert_eq!(line["event"], *event);
        assert!(text.contains(&format!("\n  {event}\n")));
    }
    assert_eq!(exposed.len(), REACHED_EVENTS.len());
}

#[test]
fn the_reference_lists_every_collector_command_and_exit_code() {
    let reference = read("docs/reference.md");
    for collector in COLLECTORS {
        assert!(reference.contains(&format!("\n| `{}` |", collector.name())), "{}", collector.name());
    }
    let help = run_command(bare_command(root(), &["--help"]), b"");
    let help = String::from_utf8(help.stdout).expect("text");
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Further lines of a description are indented more.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()))
        .collect();
    assert!(commands.len() >= 6, "{help}");
    for command in commands {
        assert!(reference.contains(&format!("\n| `{command}` |")), "{command}");
    }
    for code in ["0", "1", "2", "3", "4", "65", "69", "75", "77", "78"] {
        assert!(reference.contains(&format!("\n| {code} |")), "exit code {code}");
    }
    assert!(reference.contains("`.env`"));
}

#[test]
fn the_readme_shows_the_first_commands_and_links_every_document() {
    let readme = read("README.md");
    for needed in [
        "cargo run --release --example demo",
        "tests/run",
        "duo-metrics fetch | duo-metrics normalize | duo-metrics aggregate",
        "`DUO_METRICS_PSEUDONYM_KEY`",
    ] {
        assert!(readme.contains(needed), "{needed}");
    }
    let linked: Vec<&str> = links(&readme).collect();
    for document in documents() {
        assert!(linked.iter().any(|link| link.split('#').next() == Some(&document)), "{document}");
    }
}

#[test]
fn links_between_documents_are_valid() {
    let others = ["CONTRIBUTING.md", "README.md", "CHANGELOG.md", "examples/lint/README.md"];
    for document in documents().into_iter().chain(others.map(str::to_owned)) {
        let text = read(&document);
        let folder = Path::new(&document).parent().expect("a folder");
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { PathBuf::from(&document) } else { folder.join(path) };
            assert!(root().join(&target).exists(), "{document} links {link}");
            if !anchor.is_empty() {
                let target = read(target.to_str().expect("text"));
                let mut headings = target.lines().filter(|line| line.starts_with('#')).map(anchor_of);
                assert!(headings.any(|heading| heading == anchor), "{document} links {link}");
            }
        }
    }
}

/// The documents, as paths below the root.
fn documents() -> Vec<String> {
    let mut files = Vec::new();
    sources(&root().join("docs"), &mut files);
    files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
        .map(|file| file.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned())
        .collect()
}

/// The targets of the links in a Markdown text.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchor that GitLab gives a heading.
fn anchor_of(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn the_reference_documents_all_variables() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let reference = read("docs/reference.md");
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(file).expect("a readable file");
        for word in text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
            if [
                "DUO_METRICS_",
                "ENABLE_",
                "GITLAB_URL",
                "GROUP_PATH",
                "DUO_TOKEN",
                "CI_SERVER_URL",
                "CLICKHOUSE_",
            ]
            .iter()
            .any(|start| word.starts_with(start))
            {
                names.insert(word.to_owned());
            }
        }
    }
    assert!(names.len() >= 12, "{names:?}");
    // A code of GitLab's errors.
    names.remove("CLICKHOUSE_NOT_CONFIGURED");
    // A name that ends in an underscore is a prefix.
    for name in names.into_iter().filter(|name| !name.ends_with('_')) {
        assert!(reference.contains(&format!("`{name}`")), "{name}");
    }
}
