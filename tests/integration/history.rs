//! The history: data kept over years.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;

use duo_metrics::aggregate::aggregator::{self, aggregate};
use duo_metrics::aggregate::history::{History, Identity, KnownInstance};
use duo_metrics::system::summary::Summary;

use serde_json::json;

use crate::bench::{
    Bench, CommandResult, bare_command, compressed, decompressed, files_below, lines_of, metric_text,
    run_command,
};
use crate::metrics::Disruption;
use crate::properties::{self, OPTIONS, normalized, shuffled, stream};

const RANGE: &[&str] = &["--duo", "--project", "--since", "2026-10-12"];

/// The metric lines of records and of the history in this folder.
fn metrics_with(folder: &std::path::Path, records: &[String]) -> String {
    // The pieces contain some of the groups; the settings contain all.
    let groups = ["acme", "acme/web", "globex", "/"].map(str::to_owned).to_vec();
    let options = aggregator::Options { history: Some(folder.to_owned()), groups, ..OPTIONS };
    // Several instances are known, so that a piece of one of them is not mistaken for a moved
    // GitLab.
    let history = History::open(folder).expect("a folder");
    if history.stored_identity().expect("it can be read").is_none() {
        let addresses = ["https://gitlab.example.com", "https://gitlab.other.example"];
        let known = addresses.map(|address| (address.to_owned(), KnownInstance::default()));
        let identity = Identity { instances: known.into(), ..Identity::default() };
        history.write_identity(&identity).expect("it can be written");
    }
    let mut summary = Summary::new("aggregate");
    let (lines, _) =
        aggregate(&options, records.join("\n").as_bytes(), &mut summary).expect("the records are good");
    lines.metrics.iter().map(|line| serde_json::to_string(line).expect("serializes") + "\n").collect()
}

fn metrics_of(records: &[String]) -> String {
    let (text, _) = properties::aggregated(records);
    text.lines().filter(|line| line.contains(r#""type":"metric""#)).map(|line| format!("{line}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn metrics_from_history_do_not_depend_on_splits_or_repetition(
        raw in stream(),
        cuts in proptest::collection::vec(any::<Index>(), 1..6),
        keys in proptest::collection::vec(any::<Index>(), 1..40),
    ) {
        // Which fetch counts can change while fetches are incomplete, and ignored fetches are not
        // kept. Therefore the pieces contain complete fetches.
        let records = normalized(&raw);
        let expected = metrics_of(&records);
        let folder = tempfile::tempdir().expect("a folder");
        let fetch_of = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            ["collector", "scope", "day", "fetched_at"].map(|name| line[name].to_string()).concat()
        };
        let mut pieces: Vec<Vec<String>> = vec![Vec::new(); cuts.len()];
        let mut fetches: Vec<String> = records.iter().map(|line| fetch_of(line)).collect();
        fetches.sort();
        fetches.dedup();
        for line in shuffled(&records, &keys) {
            let place = fetches.binary_search(&fetch_of(&line)).expect("it exists");
            pieces[cuts[place % cuts.len()].index(cuts.len())].push(line);
        }
        for piece in &pieces {
            metrics_with(folder.path(), piece);
        }
        prop_assert_eq!(&metrics_with(folder.path(), &[]), &expected);
        let before = files_below(folder.path());
        prop_assert_eq!(&metrics_with(folder.path(), &records), &expected);
        prop_assert_eq!(files_below(folder.path()), before, "repetition does not change a byte");
    }

    #[test]
    fn rows_of_a_fetch_can_arrive_in_many_runs(rows in 1..30_usize, cuts in proptest::collection::vec(any::<Index>(), 1..8)) {
        let records = properties::events_of(rows, "2026-10-06T03:00:00Z", Some(("complete", rows)));
        let folder = tempfile::tempdir().expect("a folder");
        let mut pieces: Vec<Vec<String>> = vec![Vec::new(); cuts.len()];
        for (place, record) in records.iter().enumerate() {
            pieces[cuts[place % cuts.len()].index(cuts.len())].push(record.clone());
        }
        for piece in &pieces {
            metrics_with(folder.path(), piece);
        }
        prop_assert_eq!(metrics_with(folder.path(), &[]), metrics_of(&records));
    }
}

#[test]
fn a_day_is_reported_without_a_coverage_line_of_its_fetch() {
    // The coverage line belongs to an older fetch, which is ignored; another day has a valid one.
    let covered = r#"{"type":"coverage","collector":"pipelines","instance":"https://gitlab.example.com","scope":"acme","day":"2026-10-07","fetched_at":"2026-10-20T01:00:00Z","status":"complete","rows":0,"reason":null}"#;
    let records = [
        properties::events_of(2, "2026-10-20T01:00:00Z", Some(("partial", 2))),
        properties::events_of(3, "2026-10-20T03:00:00Z", None),
        vec![covered.to_owned()],
    ]
    .concat();
    let expected = metrics_of(&records);
    assert!(expected.contains(r#""grain":"day","start":"2026-10-05""#), "{expected}");
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(metrics_with(folder.path(), &records), expected);
    assert_eq!(metrics_with(folder.path(), &[]), expected);
}

fn history(bench: &Bench) -> Vec<PathBuf> {
    let is_kept = |(path, _): &(PathBuf, Vec<u8>)| path.to_string_lossy().ends_with(".jsonl.gz");
    files_below(&bench.path("history")).into_iter().filter(is_kept).map(|(path, _)| path).collect()
}

fn aggregated(bench: &Bench, records: &[u8]) -> CommandResult {
    bench.pipe(&["aggregate", "--history", "history"], records)
}

#[test]
fn history_returns_a_complete_collection_and_final_days_are_not_requested_again() {
    let bench = Bench::new(60, 20);
    let complete_records = bench.normalize(&bench.fetch(RANGE));
    let expected = metric_text(&bench.aggregate(&complete_records));
    let first = aggregated(&bench, &complete_records);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(metric_text(&first.stdout), expected);
    assert_eq!(metric_text(&aggregated(&bench, b"").stdout), expected);
    let before = bench.gitlab.requests().len();
    let repeated = bench.fetch(&[RANGE, &["--history", "history"]].concat());
    let requested_days: Vec<String> = bench.gitlab.requests()[before..]
        .iter()
        .filter(|request| request.operation == "UsageEvents")
        .map(|request| request.variables["start"].as_str().expect("text").to_owned())
        .collect();
    // The clock shows 2026-11-01, so days up to 2026-10-24 are final.
    assert!(
        !requested_days.is_empty() && requested_days.iter().all(|day| day.as_str() > "2026-10-24"),
        "{requested_days:?}"
    );
    assert_eq!(
        lines_of(&repeated, "coverage").len(),
        lines_of(&complete_records, "coverage").len(),
        "all days are reported"
    );
    let with_history = aggregated(&bench, &bench.normalize(&repeated));
    assert_eq!(with_history.code, 0, "{}", with_history.stderr);
    assert_eq!(metric_text(&with_history.stdout), expected);
    // Without the history, days are missing.
    let without = bench.pipe(&["aggregate"], &bench.normalize(&repeated));
    assert_eq!(without.code, 3, "{}", without.stderr);
    assert!(without.stderr.contains("0 of "), "{}", without.stderr);
}

#[test]
fn output_does_not_depend_on_order_splits_or_form_of_disrupted_data() {
    let bench = Bench::new(40, 20);
    let range = ["--duo", "--project", "--since", "2026-10-12"];
    let mut command = bench.command(&[&["fetch"], &range[..]].concat());
    command.env("GROUP_PATH", "acme,globex");
    let fetched = run_command(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let disruption = Disruption {
        missing: &["2026-10-14"],
        truncated: &["2026-10-18", "2026-10-29"],
        late_events: true,
        ..Disruption::default()
    };
    let records = bench.normalize(&disruption.apply(&fetched.stdout));
    let expected = bench.aggregate(&records);
    assert!(metric_text(&expected).lines().count() > 2_000);

    let twice = [&records[..], &records[..]].concat();
    let mut lines: Vec<&str> = std::str::from_utf8(&twice).expect("streams are UTF-8").lines().collect();
    fastrand::Rng::with_seed(11).shuffle(&mut lines);
    let shuffled = lines.join("\n").into_bytes();
    // In 50 files, every other one as rollups. Repeated rows are in the same file.
    let mut files = vec![String::new(); 50];
    for line in lines {
        let place =
            line.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 50;
        files[place].push_str(&format!("{line}\n"));
    }
    let counted = files.iter().enumerate().map(|(place, file)| {
        let counted = bench.pipe(&["aggregate", "--emit", "rollups"], file.as_bytes());
        assert_eq!(counted.code, 0, "{}", counted.stderr);
        if place % 2 == 0 { counted.stdout } else { file.as_bytes().to_vec() }
    });
    let counted: Vec<u8> = counted.flatten().collect();
    assert!(lines_of(&counted, "rollup").len() > 100 && lines_of(&counted, "event").len() > 100);
    for (name, stream) in [("twice", &twice), ("in any order", &shuffled), ("in fifty files", &counted)] {
        assert!(bench.aggregate(stream) == expected, "{name}");
        for time in ["once", "twice", "and nothing new"] {
            let stream = if time == "and nothing new" { &[][..] } else { stream };
            let kept = aggregated(&bench, stream);
            assert_eq!(kept.code, 0, "{name}, {time}: {}", kept.stderr);
            assert!(kept.stdout == expected, "{name}, through the history {time}");
        }
        fs::remove_dir_all(bench.path("history")).expect("the history");
    }
}

#[test]
fn an_empty_fetch_does_not_replace_a_full_one_and_is_reported() {
    let bench = Bench::new(20, 3);
    let records = |rows: usize, at: &str| {
        properties::events_of(rows, at, Some(("complete", rows))).join("\n").into_bytes()
    };
    let full = aggregated(&bench, &records(7, "2026-10-06T03:00:00Z"));
    assert_eq!(full.code, 0, "{}", full.stderr);
    let empty = aggregated(&bench, &records(0, "2026-10-07T03:00:00Z"));
    assert_eq!(empty.code, 3, "{}", empty.stderr);
    assert!(empty.stderr.contains("shrunk: a newer fetch has 0 of 7 rows"), "{}", empty.stderr);
    assert_eq!(metric_text(&empty.stdout), metric_text(&full.stdout));
    assert_eq!(metric_text(&aggregated(&bench, b"").stdout), metric_text(&full.stdout));
    let later = aggregated(&bench, &records(9, "2026-10-08T03:00:00Z"));
    assert_eq!(later.code, 0, "{}", later.stderr);
    assert!(metric_text(&later.stdout).contains(r#""value":9"#), "late events came");
}

#[test]
fn a_damaged_file_is_reported_and_quarantined() {
    let bench = Bench::new(40, 6);
    let records = bench.normalize(&bench.fetch(&["--duo", "--since", "2026-10-27"]));
    assert_eq!(aggregated(&bench, &records).code, 0);
    let files = history(&bench);
    let victim =
        files.iter().find(|path| path.to_string_lossy().contains("usage_events/2026-10-28")).expect("kept");
    let good = fs::read(victim).expect("the file");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    for (damaged, name) in
        [(&good[..good.len() / 2], "truncated"), (&flipped, "a flipped bit"), (b"", "empty")]
    {
        fs::write(victim, damaged).expect("it can be written");
        let result = aggregated(&bench, b"");
        assert_eq!(result.code, 3, "{name}: {}", result.stderr);
        assert!(result.stderr.contains("usage_events/2026-10-28"), "{name}: {}", result.stderr);
        assert!(!victim.exists() && bench.path("history/.damaged").is_dir(), "{name}");
        let lines = lines_of(&result.stdout, "coverage");
        let is_reported =
            |day: &str| lines.iter().any(|line| line["collector"] == "usage_events" && line["day"] == day);
        assert!(is_reported("2026-10-27") && !is_reported("2026-10-28"), "{name}");
        assert_eq!(aggregated(&bench, b"").code, 0, "{name}: reported once");
    }
    fs::write(victim, &good).expect("it can be written");
    assert_eq!(metric_text(&aggregated(&bench, b"").stdout), metric_text(&bench.aggregate(&records)));
}

#[test]
fn changed_thresholds_apply_to_the_whole_history() {
    let bench = Bench::new(60, 30);
    let records = bench.normalize(&bench.fetch(&["--duo", "--since", "2026-10-02"]));
    assert_eq!(aggregated(&bench, &records).code, 0);
    let stricter = ["--regular-from", "6", "--heavy-from", "10"];
    let from_history = bench.pipe(&[&["aggregate", "--history", "history"], &stricter[..]].concat(), b"");
    let from_records = bench.pipe(&[&["aggregate"], &stricter[..]].concat(), &records);
    assert_eq!(metric_text(&from_history.stdout), metric_text(&from_records.stdout));
    assert_ne!(metric_text(&from_history.stdout), metric_text(&bench.aggregate(&records)));
}

/// Writes a history with one file of this content, compressed with gzip.
fn write_history_file(bench: &Bench, packed: &[u8]) {
    let folder = bench.path("history/usage_events");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("2026-10-05-0123456789abcdef.jsonl.gz"), packed).expect("it can be written");
}

#[test]
fn reads_all_versions_and_leaves_later_ones_unchanged() {
    let bench = Bench::new(20, 3);
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/history/version-1.jsonl.gz");
    write_history_file(&bench, &fs::read(fixture).expect("the fixture"));
    let result = aggregated(&bench, b"");
    assert_eq!(result.code, 0, "{}", result.stderr);
    let value = |metric: &str, by: serde_json::Value| {
        let lines = lines_of(&result.stdout, "metric");
        let line = lines
            .into_iter()
            .find(|line| line["metric"] == metric && line["grain"] == "day" && line["by"] == by);
        line.map(|line| line["value"].clone())
    };
    let none = serde_json::json!({});
    assert_eq!(value("events.count", none.clone()), Some(6.into()));
    assert_eq!(value("users.active", none), Some(2.into()));
    assert_eq!(value("users.active", serde_json::json!({"kind": "bot"})), Some(1.into()));
    assert_eq!(
        value("code_suggestions.lines_accepted", serde_json::json!({"language": "rust"})),
        Some(9.into())
    );

    let head = r#"{"type":"history","version":3,"instance":"https://gitlab.example.com","collector":"usage_events","scope":"acme","day":"2026-10-05"}"#;
    write_history_file(&bench, &compressed(head.as_bytes()));
    let refused = aggregated(&bench, b"");
    assert_eq!(refused.code, 78, "{}", refused.stderr);
    assert!(refused.stderr.contains("update duo-metrics") && refused.stdout.is_empty(), "{}", refused.stderr);
    assert_eq!(history(&bench).len(), 1, "no file was moved");
}

#[test]
fn forgetting_a_person_removes_them_from_all_files_and_keeps_the_others() {
    let bench = Bench::new(40, 12);
    let records = bench.normalize(&bench.fetch(RANGE));
    assert_eq!(aggregated(&bench, &records).code, 0);
    let text = String::from_utf8(records.clone()).expect("text");
    let user = lines_of(&records, "event")[0]["user"].as_str().expect("text").to_owned();
    let is_of = |line: &&str| line.contains(&format!(r#""user":"{user}""#));
    let mine = text.lines().filter(is_of).count();
    let forgotten = bench.run(&["history", "--history", "history", "forget", &user]);
    assert_eq!(forgotten.code, 0, "{}", forgotten.stderr);
    assert!(mine > 10 && forgotten.stderr.contains("removed "), "{}", forgotten.stderr);
    for path in history(&bench) {
        let content = decompressed(&fs::read(&path).expect("the file"));
        assert!(!String::from_utf8_lossy(&content).contains(&format!("\"{user}\"")), "{}", path.display());
    }
    // The same values as a collection without this person.
    let total = |stream: &[u8], metric: &str| -> Vec<serde_json::Value> {
        let lines = lines_of(stream, "metric");
        lines
            .into_iter()
            .filter(|line| line["metric"] == metric && line["by"] == serde_json::json!({}))
            .map(|line| line["value"].clone())
            .collect()
    };
    let others: String = text.lines().filter(|line| !is_of(line)).map(|line| format!("{line}\n")).collect();
    let expected = bench.pipe(&["aggregate"], others.as_bytes());
    let found = aggregated(&bench, b"");
    assert_eq!(found.code, 0, "nothing is missing: {}", found.stderr);
    for metric in ["users.active", "events.count", "code_suggestions.shown", "chat.users"] {
        assert_eq!(total(&found.stdout, metric), total(&expected.stdout, metric), "{metric}");
    }
    let nobody = bench.run(&["history", "--history", "history", "forget", "gid://gitlab/User/0"]);
    assert!(nobody.code == 0 && nobody.stderr.contains("nobody with this ID"), "{}", nobody.stderr);
}

#[test]
fn history_can_be_listed_verified_and_pruned() {
    let bench = Bench::new(40, 12);
    let records = bench.normalize(&bench.fetch(&["--duo", "--since", "2026-10-20"]));
    assert_eq!(aggregated(&bench, &records).code, 0);
    let command = |arguments: &[&str]| bench.run(&[&["history", "--history", "history"], arguments].concat());
    let listed = command(&["list"]);
    let text = String::from_utf8(listed.stdout).expect("text");
    assert!(text.contains("usage_events of acme: 2026-10-20 to 2026-10-31, 12 days, 12 complete"), "{text}");
    let json = command(&["list", "--format", "json"]);
    assert!(
        lines_of(&json.stdout, "kept").iter().any(|kept| kept["collector"] == "seats" && kept["days"] == 1)
    );
    assert_eq!(command(&["verify"]).code, 0);
    let pruned = command(&["prune", "--keep-days", "5"]);
    assert_eq!(pruned.code, 0, "{}", pruned.stderr);
    let listed = command(&["list"]);
    let text = String::from_utf8(listed.stdout).expect("text");
    // The seat list is of 2026-11-01, the day of the clock.
    assert!(text.contains("usage_events of acme: 2026-10-28 to 2026-10-31, 4 days"), "{text}");
    let victim = history(&bench).remove(0);
    fs::write(&victim, b"not gzip").expect("it can be written");
    let verified = command(&["verify"]);
    assert_eq!(verified.code, 65, "{}", verified.stderr);
    assert!(verified.stderr.contains(&victim.file_name().expect("a name").to_string_lossy().into_owned()));
    assert!(victim.exists(), "verify changes nothing");
    assert_eq!(bench.run(&["history", "list"]).code, 2, "no history given");
    assert_eq!(bench.run(&["history", "--history", "nowhere", "list"]).code, 78);
}

#[test]
fn days_of_collectors_with_any_name_stay_separate() {
    let bench = Bench::new(20, 3);
    let renamed = |name: &str, rows: usize| {
        let lines = properties::events_of(rows, "2026-10-06T03:00:00Z", Some(("complete", rows)));
        lines.join("\n").replace(r#""collector":"usage_events""#, &format!(r#""collector":"{name}""#)) + "\n"
    };
    let names = ["a.b", "a-b", "damaged", ".damaged", "", ".."];
    let records: String = names.iter().zip(1..).map(|(name, rows)| renamed(name, rows)).collect();
    let first = aggregated(&bench, records.as_bytes());
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(history(&bench).len(), names.len());
    let kept = lines_of(&aggregated(&bench, b"").stdout, "coverage");
    for (name, rows) in names.iter().zip(1..) {
        assert!(
            kept.iter().any(|line| line["collector"] == *name && line["rows"] == rows),
            "{name:?}: {kept:?}"
        );
    }
}

#[test]
fn export_and_import_keep_the_more_complete_day() {
    let bench = Bench::new(30, 14);
    let kept = |folder: &str, lines: &[u8]| {
        let result = bench.pipe(&["aggregate", "--history", folder], lines);
        assert_eq!(result.code, 0, "{}", result.stderr);
    };
    let complete_records = bench.normalize(&bench.fetch(RANGE));
    kept("one", &complete_records);
    let exported = bench.run(&["history", "--history", "one", "export"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let import = |folder: &str, bytes: &[u8]| bench.pipe(&["history", "--history", folder, "import"], bytes);
    let files = |folder: &str| {
        let folder = bench.path(folder);
        let name = |path: PathBuf| path.strip_prefix(&folder).expect("below").to_owned();
        let files = files_below(&folder).into_iter().map(|(path, content)| (name(path), content));
        files.filter(|(path, _)| !path.ends_with("history.lock")).collect::<Vec<_>>()
    };

    let nothing = import("two", b"");
    assert_eq!((nothing.code, files("two").len()), (0, 0), "{}", nothing.stderr);
    assert_eq!(import("two", &exported.stdout).code, 0);
    assert!(files("one") == files("two"), "the same files");
    // Existing days are not written again and count once.
    let repeated = import("two", &[exported.stdout.clone(), exported.stdout.clone()].concat());
    assert!(repeated.code == 0 && repeated.stderr.contains(" 0 imported"), "{}", repeated.stderr);

    // A history with some of the days, one of them truncated: missing days are added, complete ones
    // stay.
    let lines = std::str::from_utf8(&complete_records).expect("text").lines();
    let few: String =
        lines.filter(|line| line.contains(r#""day":"2026-10-30""#)).map(|line| format!("{line}\n")).collect();
    kept("three", few.as_bytes());
    let before = files("three");
    let imported = import("three", &exported.stdout);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert_eq!(files("three").len(), files("one").len());
    assert!(before.iter().all(|file| files("three").contains(file)));
    let (path, _) = &before[0];
    std::fs::write(bench.path("three").join(path), b"damaged").expect("written");
    assert_eq!(import("three", &exported.stdout).code, 0);
    assert!(files("three") == files("one"));

    // A truncated export: complete days are imported, and the rest is reported.
    let truncated = import("four", &exported.stdout[..exported.stdout.len() / 2]);
    assert!(truncated.code == 3 && truncated.stderr.contains("the rest is left out"), "{}", truncated.stderr);
    assert!((1..files("one").len()).contains(&files("four").len()));
    assert!(files("four").iter().all(|file| files("one").contains(file)));
    // The same if it is truncated between two files.
    let starts = exported.stdout.windows(3).enumerate().filter(|(_, bytes)| *bytes == [0x1f, 0x8b, 8]);
    let last = starts.map(|(at, _)| at).next_back().expect("there are several files");
    let between = import("six", &exported.stdout[..last]);
    assert!(between.code == 3 && between.stderr.contains("truncated input: "), "{}", between.stderr);
    let not_one = import("five", b"{}\n");
    assert_eq!((not_one.code, files("five").len()), (3, 0), "{}", not_one.stderr);
}

#[test]
fn a_newer_day_with_fewer_rows_does_not_replace_a_fuller_one() {
    let bench = Bench::new(30, 7);
    let raw = bench.fetch(&["--since", "2026-10-30", "--collector", "usage_events"]);
    let fuller = bench.normalize(&raw);
    let text = String::from_utf8(fuller.clone())
        .expect("text")
        .replace("2026-11-01T03:00:00Z", "2026-11-02T03:00:00Z");
    let half: String = text
        .lines()
        .filter(|line| line.contains("\"coverage\""))
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line["rows"] = 0.into();
            format!("{line}\n")
        })
        .collect();
    for (folder, lines) in [("full", &fuller), ("few", &half.into_bytes()), ("newer", &text.into_bytes())] {
        let kept = bench.pipe(&["aggregate", "--history", folder], lines);
        assert_eq!(kept.code, 0, "{}", kept.stderr);
    }
    let import = |from: &str, to: &str| {
        let exported = bench.run(&["history", "--history", from, "export"]).stdout;
        bench.pipe(&["history", "--history", to, "import"], &exported).stderr
    };
    assert!(import("few", "full").contains(" 0 imported"));
    assert!(import("newer", "full").contains("2 imported"));
    assert!(import("full", "few").contains("2 imported"));
}

/// Records of one chat message per day of ten people on these days of October, in this GitLab and
/// group.
fn october(instance: &str, group: &str, days: std::ops::RangeInclusive<u32>) -> String {
    let fetched_at = format!("2026-11-{:02}T03:00:00Z", days.end() % 28 + 1);
    let mut raw = String::new();
    for day in days {
        let nodes: Vec<_> = (0..10)
            .map(|person| {
                json!({"event": "REQUEST_DUO_CHAT_RESPONSE", "timestamp": format!("2026-10-{day:02}T09:{person:02}:00Z"),
                    "user": {"id": format!("gid://gitlab/User/{person}"), "username": "u", "bot": false}})
            })
            .collect();
        let mut line = json!({"collector": "usage_events", "instance": instance, "scope": group,
            "day": format!("2026-10-{day:02}"), "fetched_at": fetched_at});
        (line["type"], line["page"], line["nodes"]) = ("raw".into(), 1.into(), nodes.into());
        raw += &format!("{line}\n");
        line.as_object_mut().expect("an object").retain(|key, _| key != "page" && key != "nodes");
        (line["type"], line["status"], line["rows"]) = ("coverage".into(), "complete".into(), 10.into());
        raw += &format!("{line}\n");
    }
    raw
}

const KEY: (&str, &str) = ("DUO_METRICS_PSEUDONYM_KEY", "0123456789abcdef0123");
const OLD: &str = "https://gitlab.example.com";
const NEW: &str = "https://git.example.org";

/// Runs the binary with a pseudonym key and a history.
fn with_key(bench: &Bench, arguments: &[&str], input: &[u8]) -> CommandResult {
    let mut command = bare_command(bench.folder(), arguments);
    command.env(KEY.0, KEY.1).env("DUO_METRICS_HISTORY", "history");
    run_command(command, input)
}

/// Normalizes and aggregates raw lines into the history.
fn collect(bench: &Bench, raw: &str) -> CommandResult {
    let records = with_key(bench, &["normalize"], raw.as_bytes());
    assert_eq!(records.code, 0, "{}", records.stderr);
    with_key(bench, &["aggregate"], &records.stdout)
}

/// People and events of October in a scope.
fn people_and_events(metrics: &[u8], scope: &str) -> (f64, f64) {
    let value = |metric: &str| {
        let is_meant = |line: &&serde_json::Value| {
            line["metric"] == metric
                && line["scope"] == scope
                && line["grain"] == "month"
                && line["by"] == json!({})
        };
        let lines = lines_of(metrics, "metric");
        lines.iter().find(is_meant).and_then(|line| line["value"].as_f64()).expect("October is known")
    };
    (value("users.active"), value("events.count"))
}

#[test]
fn history_continues_after_a_moved_gitlab_and_a_renamed_group() {
    let bench = Bench::new(20, 3);
    assert_eq!(collect(&bench, &october(OLD, "acme", 1..=20)).code, 0);
    let before = with_key(&bench, &["history", "export"], b"").stdout;

    let moved = october(NEW, "acme", 1..=31);
    let refused = collect(&bench, &moved);
    let command = format!("duo-metrics history rename --url {OLD} {NEW}");
    assert!(refused.code == 78 && refused.stderr.contains(&command), "{}", refused.stderr);
    assert!(refused.stdout.is_empty() && with_key(&bench, &["history", "export"], b"").stdout == before);
    assert_eq!(with_key(&bench, &["history", "rename", "--url", OLD, NEW], b"").code, 0);
    // The pseudonyms in the history are based on the former URL; `normalize` creates the same ones.
    let went_on = collect(&bench, &moved);
    assert_eq!(went_on.code, 0, "{}", went_on.stderr);
    assert_eq!(people_and_events(&went_on.stdout, "acme"), (10.0, 310.0));
    let mut unaware = bare_command(bench.folder(), &["normalize"]);
    unaware.env(KEY.0, KEY.1);
    let unaware = with_key(&bench, &["aggregate"], &run_command(unaware, moved.as_bytes()).stdout);
    assert!(unaware.code == 78 && unaware.stderr.contains("DUO_METRICS_HISTORY"), "{}", unaware.stderr);

    let renamed = october(NEW, "acme-corp", 1..=31);
    let refused = collect(&bench, &renamed);
    let command = "duo-metrics history rename --group acme acme-corp";
    assert!(refused.code == 78 && refused.stderr.contains(command), "{}", refused.stderr);
    assert_eq!(with_key(&bench, &["history", "rename", "--group", "acme", "acme-corp"], b"").code, 0);
    let went_on = collect(&bench, &renamed);
    assert_eq!(went_on.code, 0, "{}", went_on.stderr);
    assert_eq!(people_and_events(&went_on.stdout, "acme-corp"), (10.0, 310.0));
    // Days of an older export also get the new names.
    let imported = with_key(&bench, &["history", "import"], &before);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let repeated = with_key(&bench, &["aggregate"], b"");
    assert_eq!(people_and_events(&repeated.stdout, "acme-corp"), (10.0, 310.0));
    assert!(!String::from_utf8_lossy(&repeated.stdout).contains(OLD));
    let forgotten = with_key(&bench, &["history", "forget", "gid://gitlab/User/7"], b"");
    assert!(forgotten.stderr.contains("removed 31 rows"), "{}", forgotten.stderr);
}

#[test]
fn rejects_another_key_and_ids_mixed_with_pseudonyms() {
    let bench = Bench::new(20, 3);
    assert_eq!(collect(&bench, &october(OLD, "acme", 1..=20)).code, 0);
    let later = october(OLD, "acme", 21..=31);
    for (key, words) in
        [(Some("fedcba98765432100123"), "another DUO_METRICS_PSEUDONYM_KEY"), (None, "others have user ids")]
    {
        let run = |arguments: &[&str], history: Option<&str>, input: &[u8]| {
            let mut command = bare_command(bench.folder(), arguments);
            command.envs(history.map(|folder| ("DUO_METRICS_HISTORY", folder)));
            command.envs(key.map(|key| (KEY.0, key)));
            run_command(command, input)
        };
        let records = run(&["normalize"], None, later.as_bytes()).stdout;
        let refused = run(&["aggregate"], Some("history"), &records);
        assert!(refused.code == 78 && refused.stderr.contains(words), "{}", refused.stderr);
        // With the history, `normalize` refuses another key before it writes a line.
        let early = run(&["normalize"], Some("history"), later.as_bytes());
        assert!(key.is_none() || (early.code == 78 && early.stdout.is_empty()), "{}", early.stderr);
        assert!(key.is_none() || early.stderr.lines().count() == 1, "{}", early.stderr);
        // Records contain the check value of the key, so `aggregate` does not need the key.
        let mut keyless = bare_command(bench.folder(), &["aggregate", "--history", "history"]);
        keyless.env_remove(KEY.0);
        assert_eq!(run_command(keyless, &records).code, 78);
    }
    let kept = collect(&bench, &later);
    assert_eq!((kept.code, people_and_events(&kept.stdout, "acme")), (0, (10.0, 310.0)));
    assert!(
        !std::fs::read_to_string(bench.path("history/identity.json")).expect("it exists").contains(KEY.1)
    );
}

#[test]
fn a_group_that_is_no_longer_requested_is_dropped_from_the_total_and_reported() {
    let bench = Bench::new(20, 3);
    let both = october(OLD, "acme", 1..=20) + &october(OLD, "globex", 1..=20);
    assert_eq!(collect(&bench, &both).code, 0);
    let without_globex = collect(&bench, &october(OLD, "acme", 1..=31));
    assert_eq!(without_globex.code, 0, "{}", without_globex.stderr);
    assert!(
        without_globex
            .stderr
            .contains("group globex is no longer collected and leaves the total after 2026-10-20")
    );
    // 20 days of both groups and 11 days of one, none of them missing.
    assert_eq!(people_and_events(&without_globex.stdout, "*"), (10.0, 510.0));
    let october = lines_of(&without_globex.stdout, "metric");
    let total = october.iter().find(|line| {
        line["metric"] == "events.count"
            && line["scope"] == "*"
            && line["grain"] == "month"
            && line["by"] == json!({})
    });
    assert_eq!(total.expect("it exists")["coverage"], 1.0);
    let former = lines_of(&without_globex.stdout, "former_group");
    assert_eq!((&former[0]["scope"], &former[0]["until"]), (&"globex".into(), &"2026-10-20".into()));
    let site = bench.pipe(&["dashboard", "--duo"], &without_globex.stdout);
    assert_eq!(site.code, 0, "{}", site.stderr);
    let page = std::fs::read_to_string(bench.path("public/duo-metrics/index.html")).expect("it exists");
    assert!(page.contains("globex is no longer collected. It is included in the total up to"));

    assert_eq!(with_key(&bench, &["history", "drop", "--group", "nobody"], b"").code, 78);
    assert_eq!(with_key(&bench, &["history", "drop", "--group", "globex"], b"").code, 0);
    let left = with_key(&bench, &["aggregate"], b"");
    assert_eq!(people_and_events(&left.stdout, "acme"), (10.0, 310.0));
    assert!(!String::from_utf8_lossy(&left.stdout).contains("globex"));
}

#[test]
fn a_history_of_an_earlier_version_gets_an_identity() {
    let bench = Bench::new(20, 3);
    assert_eq!(collect(&bench, &october(OLD, "acme", 1..=20)).code, 0);
    std::fs::remove_file(bench.path("history/identity.json")).expect("it exists");
    let refused = collect(&bench, &october(NEW, "acme", 21..=31));
    assert!(refused.code == 78 && refused.stderr.contains(OLD), "{}", refused.stderr);
    assert_eq!(collect(&bench, &october(OLD, "acme", 21..=31)).code, 0);
    assert!(bench.path("history/identity.json").is_file());
}
