//! What the fuzzers run: each target takes any bytes, must return, and must not find a bug. They are
//! run by cargo-fuzz (`fuzz/fuzz_targets/`), and for a moment by `tests/integration/fuzzing.rs`.

use std::io::Write;

use duo_metrics::aggregate::aggregator::{self, aggregate};
use duo_metrics::aggregate::history::{Content, Exported, History, read, read_export};
use duo_metrics::aggregate::metrics::Thresholds;
use duo_metrics::aggregate::prices::Prices;
use duo_metrics::aggregate::teams::TeamFile;
use duo_metrics::base::error::Error;
use duo_metrics::collect::checkpoint::StateDir;
use duo_metrics::lint::{Profile, lint_definition};
use duo_metrics::model::line::Line;
use duo_metrics::normalize::dead_letter::DeadLetterFile;
use duo_metrics::normalize::normalizer::{self, normalize};
use duo_metrics::normalize::sources::ImportDefaults;
use duo_metrics::normalize::writer::JsonRecords;
use duo_metrics::publish::site::Theme;
use duo_metrics::system::files::FileChanges;
use duo_metrics::system::summary::Summary;

/// A name and what it runs.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(crate) const TARGETS: [Target; 9] = [
    ("raw_lines", raw_lines),
    ("record_lines", record_lines),
    ("single_line", single_line),
    ("history_file", history_file),
    ("history_export", history_export),
    ("state", state),
    ("event_definition", event_definition),
    ("theme", theme),
    ("tables", tables),
];

/// Runs the target of this name.
#[allow(dead_code, reason = "cargo-fuzz calls it, and the test does not")]
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target");
    target(bytes);
}

/// Any stream or event export, normalized; what comes out is read again and stays the same.
fn raw_lines(bytes: &[u8]) {
    let once = normalized(bytes);
    for line in once.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let text = std::str::from_utf8(line).expect("records are UTF-8");
        assert!(Line::parse(text).is_ok(), "{text}");
    }
    assert!(normalized(&once) == once, "records change when they are normalized again");
}

fn normalized(bytes: &[u8]) -> Vec<u8> {
    let options = normalizer::Options {
        pseudonyms: None,
        max_rejects: 100.0,
        mappings: Vec::new(),
        import_defaults: ImportDefaults::default(),
        threads: 1,
    };
    let mut output = Vec::new();
    let mut summary = Summary::new("normalize");
    let result = normalize::<JsonRecords>(&options, bytes, &mut output, DeadLetterFile::none(), &mut summary);
    check(result);
    output
}

/// Any stream, aggregated.
fn record_lines(bytes: &[u8]) {
    let options = aggregator::Options {
        since: None,
        until: None,
        thresholds: Thresholds { regular_from: 4, heavy_from: 12 },
        prices: None,
        teams: None,
        max_rejects: 100.0,
        threads: 1,
        history: None,
        groups: Vec::new(),
        pseudonyms: None,
    };
    check(aggregate(&options, bytes, &mut Summary::new("aggregate")));
}

/// One line of any type: what is read, is written as the same.
fn single_line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(Line::Record(record)) = Line::parse(text) {
        let once = serde_json::to_string(&record).expect("it serializes");
        let Ok(Line::Record(again)) = Line::parse(&once) else { panic!("{once} is not a record") };
        assert_eq!(serde_json::to_string(&again).expect("it serializes"), once);
    }
}

/// The lines of a history file: what is read, is written as the same.
fn history_file(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("packed.jsonl.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory does not fail");
    std::fs::write(&path, packer.finish().expect("memory does not fail")).expect("written");
    let Ok(content) = read(&path) else { return };
    forget_everyone(content);
    let content = read(&path).expect("it was read before");
    let history = History::open(&folder.path().join("history")).expect("a folder");
    let mut changes = FileChanges::default();
    let written = history.write(&content, &mut changes).expect("written");
    changes.apply().expect("written");
    assert_eq!(read(&written).expect("it is our own"), content);
}

fn forget_everyone(mut content: Content) {
    for user in content.people.users.clone() {
        content.forget(&user);
    }
    assert!(content.people.users.is_empty());
}

/// A compressed export.
fn history_export(bytes: &[u8]) {
    for part in read_export(bytes) {
        if let Ok(Exported::Content(content)) = part {
            forget_everyone(content);
        }
    }
}

/// Files of an interrupted run.
fn state(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path(), "run").expect("a folder");
    drop(state.start("part").map(|part| part.commit(&Default::default())));
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        std::fs::write(entry.expect("an entry").path(), bytes).expect("written");
    }
    let _ = state.load("part");
    let _ = state.load_list("part");
    StateDir::open(folder.path(), "another run").expect("a folder");
}

/// YAML of an event definition.
fn event_definition(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for profile in [Profile::Guide, Profile::AiContext] {
        lint_definition(profile, "events/x.yml", &text, 0, &mut Vec::new());
    }
}

/// A theme.
fn theme(bytes: &[u8]) {
    let _ = Theme::read(bytes, Some(("image/svg+xml", bytes)));
}

/// Prices and teams.
fn tables(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Prices::parse(&text, "prices".to_owned());
    let _ = TeamFile::parse("teams".to_owned(), &text);
}

/// Fails if a result is a bug.
fn check<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        assert_ne!(error.code(), 1, "{error}");
    }
}
