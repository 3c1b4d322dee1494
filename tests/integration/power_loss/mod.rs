//! Power loss and full disks. Power loss: after every single call that changes a file, the disk may forget what was not synced.
//! Then each file has the content of some moment when it was complete, or does not exist; and what a
//! command wrote or deleted stays so once it has ended.
//!
//! A library for `LD_PRELOAD` records the calls (`tests/power_loss/record.c`), and `disk` replays
//! them. One run tests every moment.

mod disk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::bench::{Bench, CommandResult, files_below, run_command};

use disk::{Disk, Files, Loss, operations};

/// The library that records.
fn recorder() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{}.so", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power_loss/record.c");
        // Rust needs a C compiler for linking, so every machine that runs this test has one.
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-lpthread");
        assert!(compiler.status().expect("cc").success(), "{source} does not compile");
        library
    })
}

/// A command whose calls are recorded.
fn recorded(bench: &Bench, arguments: &[&str], record: &Path) -> Command {
    let mut command = bench.command(arguments);
    command
        .env("LD_PRELOAD", recorder())
        .env("RECORD_ROOT", bench.folder().canonicalize().expect("a folder"));
    command.env("RECORD_FILE", record);
    command
}

/// Runs a command, and checks every moment of it.
fn check(bench: &Bench, arguments: &[&str], input: &[u8]) -> CommandResult {
    let root = bench.folder().canonicalize().expect("a folder");
    let record = tempfile::NamedTempFile::new().expect("a file");
    let mut disk = Disk::of(&root);
    let before = disk.now();
    let result = run_command(recorded(bench, arguments, record.path()), input);
    let operations = operations(&std::fs::read(record.path()).expect("the record"));
    assert!(!operations.is_empty(), "{arguments:?} recorded nothing: {}", result.stderr);
    let mut moments: Vec<(usize, Loss, Files)> = Vec::new();
    for (count, operation) in (1..).zip(&operations) {
        disk.apply(operation);
        let losses = [Loss::Everything, Loss::Content].into_iter().chain((0..4).map(Loss::Random));
        moments.extend(losses.map(|loss| (count, loss, disk.after(loss))));
    }
    let after = disk.now();
    let found: Files = files_below(&root).into_iter().collect();
    let missed = differences(&after, &found);
    assert!(missed.is_empty(), "{arguments:?}: calls that changed {missed:?} were not recorded");
    for (count, loss, files) in &moments {
        let context = || format!("{arguments:?}, {loss:?} lost after {count} of {} calls", operations.len());
        for (path, content) in files.iter().filter(|(path, _)| !is_scratch(path)) {
            assert!(disk.had(path, content), "{}: {} is cut", context(), path.display());
        }
        for site in sites(&before, &after) {
            let found = below(files, &site);
            assert!(
                [&before, &after].iter().any(|files| below(files, &site) == found),
                "{}: {} is a mixture",
                context(),
                site.display()
            );
        }
        if *count == operations.len() {
            let lost = differences(files, &after);
            assert!(lost.is_empty(), "{}: {lost:?} differ although it has ended", context());
        }
    }
    assert_eq!(after.keys().filter(|path| is_leftover(path)).count(), 0, "{arguments:?} left something");
    result
}

/// The paths whose files differ.
fn differences<'f>(some: &'f Files, others: &'f Files) -> BTreeSet<&'f Path> {
    let paths = some.keys().chain(others.keys()).filter(|path| !is_scratch(path));
    paths.filter(|path| some.get(*path) != others.get(*path)).map(PathBuf::as_path).collect()
}

/// Whether nothing depends on the content of a file: temporary files, and those that are only locked.
fn is_scratch(path: &Path) -> bool {
    is_leftover(path) || path.extension().is_some_and(|extension| extension == "lock")
}

fn is_leftover(path: &Path) -> bool {
    path.iter().any(|name| name.to_string_lossy().starts_with(".duo-metrics-"))
}

/// The folders of dashboards, each of which is replaced as a whole.
fn sites(before: &Files, after: &Files) -> Vec<PathBuf> {
    let cards = before.keys().chain(after.keys()).filter(|path| path.ends_with("dashboard.json"));
    cards.filter(|path| !is_leftover(path)).filter_map(|path| path.parent().map(Path::to_owned)).collect()
}

fn below<'f>(files: &'f Files, folder: &Path) -> Vec<(&'f PathBuf, &'f Vec<u8>)> {
    files.iter().filter(|(path, _)| path.starts_with(folder)).collect()
}

const RANGE: [&str; 4] = ["--since", "2026-10-29", "--collector", "usage_events"];

#[test]
fn the_history_survives_a_power_loss_at_any_moment() {
    let bench = Bench::new(20, 4);
    let records = bench.normalize(&bench.fetch(&RANGE));
    let text = String::from_utf8(records.clone()).expect("text");
    let aggregate = ["aggregate", "--history", "history"];
    assert_eq!(check(&bench, &aggregate, &records).code, 0);
    let newer = text.replace("2026-11-01T03:00:00Z", "2026-11-02T03:00:00Z");
    assert_eq!(check(&bench, &aggregate, newer.as_bytes()).code, 0);
    let user = text.split("\"user\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a user");
    let history = |arguments: &[&str]| {
        let result = check(&bench, &[&["history", "--history", "history"], arguments].concat(), b"");
        assert_eq!(result.code, 0, "{}", result.stderr);
    };
    history(&["forget", user]);
    history(&["rename", "--group", "acme", "acme-corp"]);
    history(&["prune", "--keep-days", "2"]);
    let exported = bench.run(&["history", "--history", "history", "export"]);
    assert_eq!(check(&bench, &["history", "--history", "another", "import"], &exported.stdout).code, 0);
    history(&["drop", "--group", "acme-corp"]);
}

#[test]
fn the_state_of_a_fetch_survives_a_power_loss_at_any_moment() {
    let bench = Bench::new(20, 4);
    let fetch = [&["fetch", "--state", "state", "--output-dir", "raw"], &RANGE[..]].concat();
    assert_eq!(check(&bench, &fetch, b"").code, 0);
}

#[test]
fn sites_and_lists_survive_a_power_loss_at_any_moment() {
    let bench = Bench::new(20, 4);
    let records = bench.normalize(&bench.fetch(&["--since", "2026-10-29"]));
    for range in [&["--until", "2026-10-30"][..], &[]] {
        let metrics = bench.pipe(&[&["aggregate"], range].concat(), &records).stdout;
        assert_eq!(check(&bench, &["dashboard", "--duo"], &metrics).code, 0);
        assert_eq!(check(&bench, &["landing"], &metrics).code, 0);
        let list = check(&bench, &["export", "--people", "people.csv"], &records);
        assert!([0, 3].contains(&list.code), "{}", list.stderr);
    }
    let metrics = bench.pipe(&["aggregate"], &records).stdout;
    assert_eq!(check(&bench, &["dashboard", "--no-duo", "--project"], &metrics).code, 0);
    assert!(!bench.path("public/duo-metrics").exists());
}

/// Runs a command with a disk that is full after one call, then after two, until it succeeds. Each
/// time it reports that, and every file is the one from before or the complete new one.
fn fill_disk(bench: &Bench, arguments: &[&str], input: &[u8]) {
    let record = tempfile::NamedTempFile::new().expect("a file");
    let files = || -> Files { files_below(bench.folder()).into_iter().collect() };
    let mut seen: Vec<Files> = vec![files()];
    for calls in 0..1_000 {
        let mut command = recorded(bench, arguments, record.path());
        command.env("RECORD_FULL_AFTER", calls.to_string());
        let result = run_command(command, input);
        let now = files();
        let left = now.keys().find(|path| is_leftover(path));
        assert!(left.is_none(), "{arguments:?} left {left:?} after {calls} calls");
        seen.push(now);
        if result.code == 0 {
            break;
        }
        assert_eq!(result.code, 75, "{arguments:?}, full after {calls} calls: {}", result.stderr);
        assert!(result.stderr.contains("space"), "{}", result.stderr);
    }
    assert!(seen.len() > 5, "{arguments:?} needs space");
    let (before, after) = (&seen[0], &seen[seen.len() - 1]);
    for files in &seen {
        for (path, content) in files.iter().filter(|(path, _)| !is_scratch(path)) {
            // Files of `--state` exist only in between.
            let mut wholes = [before, after].into_iter().filter_map(|files| files.get(path)).peekable();
            let is_whole = wholes.peek().is_none() || wholes.any(|whole| whole == content);
            assert!(is_whole, "{arguments:?}: {} is cut", path.display());
        }
    }
}

#[test]
fn a_full_disk_at_any_moment_leaves_whole_files() {
    let bench = Bench::new(20, 2);
    let range = ["--since", "2026-10-31", "--collector", "usage_events"];
    let records = bench.normalize(&bench.fetch(&range));
    fill_disk(&bench, &["aggregate", "--history", "history"], &records);
    let newer = String::from_utf8(records.clone()).expect("text").replace("2026-11-01T03", "2026-11-02T03");
    fill_disk(&bench, &["aggregate", "--history", "history"], newer.as_bytes());
    fill_disk(&bench, &[&["fetch", "--output-dir", "raw", "--state", "state"], &range[..]].concat(), b"");
}
