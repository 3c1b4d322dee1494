//! Rollups of parallel jobs, merged.

use proptest::prelude::*;
use proptest::sample::Index;

use duo_metrics::aggregate::aggregator::emit_rollups;
use duo_metrics::system::summary::Summary;

use crate::bench::{Bench, lines_of, metric_text};
use crate::properties::{OPTIONS, aggregated, events_of, normalized, shuffled, stream};

/// The rollup, record and coverage lines of records.
fn rollups(lines: &[String]) -> Vec<String> {
    let mut output = Vec::new();
    emit_rollups(&OPTIONS, lines.join("\n").as_bytes(), &mut output, &mut Summary::new("aggregate"))
        .expect("the records are good");
    String::from_utf8(output).expect("streams are UTF-8").lines().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn metrics_from_rollups_do_not_depend_on_splits_repetition_or_order(
        raw in stream(),
        cuts in proptest::collection::vec((any::<Index>(), any::<bool>(), any::<bool>()), 1..50),
        keys in proptest::collection::vec(any::<Index>(), 1..40),
    ) {
        let records = shuffled(&normalized(&raw), &keys);
        let expected = aggregated(&records);
        let mut pieces: Vec<Vec<String>> = vec![Vec::new(); cuts.len()];
        for (place, record) in records.into_iter().enumerate() {
            pieces[cuts[place % cuts.len()].0.index(cuts.len())].push(record);
        }
        let mut stream = Vec::new();
        for (piece, (_, is_counted, is_doubled)) in pieces.into_iter().zip(&cuts) {
            let counted = if *is_counted { rollups(&piece) } else { piece.clone() };
            stream.extend(counted);
            // The same rows again as rollups: they have the same part.
            if *is_counted && *is_doubled {
                stream.extend(rollups(&piece));
            }
        }
        prop_assert_eq!(&aggregated(&stream), &expected);
        // Rollups can be aggregated into rollups again.
        prop_assert_eq!(&aggregated(&rollups(&shuffled(&stream, &keys))), &expected);
    }
}

#[test]
fn rows_and_rollups_of_the_same_rows_count_once() {
    let records = events_of(9, "2026-10-06T03:00:00Z", Some(("complete", 9)));
    assert_eq!(aggregated(&[records.clone(), rollups(&records)].concat()), aggregated(&records));
}

#[test]
fn rejects_overlapping_parts() {
    let bench = Bench::new(20, 3);
    let records = events_of(9, "2026-10-06T03:00:00Z", Some(("complete", 9)));
    let (one, other) = (rollups(&records[..6]), rollups(&records[4..]));
    let refused = bench.pipe(&["aggregate"], [one.clone(), other].concat().join("\n").as_bytes());
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    assert!(refused.stderr.contains("usage_events of acme on 2026-10-05"), "{}", refused.stderr);
    assert!(refused.stderr.contains("overlap") && refused.stdout.is_empty(), "{}", refused.stderr);
    // A missing part is a gap.
    let covered = [one, records[9..].to_vec()].concat();
    let partial = bench.pipe(&["aggregate"], covered.join("\n").as_bytes());
    assert_eq!(partial.code, 3, "{}", partial.stderr);
    assert!(partial.stderr.contains("6 of 9 rows arrived"), "{}", partial.stderr);
}

#[test]
fn a_collection_in_fifty_files_gives_the_same_bytes_through_rollups() {
    let bench = Bench::new(120, 40);
    let records = bench.normalize(&bench.fetch(&["--duo", "--project", "--since", "2026-09-22"]));
    let expected = metric_text(&bench.aggregate(&records));
    let mut files = vec![Vec::new(); 50];
    let text = std::str::from_utf8(&records).expect("streams are UTF-8");
    for (place, line) in text.lines().enumerate() {
        files[place * 7 % 50].extend(format!("{line}\n").into_bytes());
    }
    let counted: Vec<u8> = files
        .iter()
        .flat_map(|file| {
            let counted = bench.pipe(&["aggregate", "--emit", "rollups"], file);
            assert_eq!(counted.code, 0, "{}", counted.stderr);
            counted.stdout
        })
        .collect();
    assert!(lines_of(&counted, "rollup").len() > 1000 && lines_of(&counted, "event").is_empty());
    assert_eq!(metric_text(&bench.aggregate(&counted)), expected);
}

#[test]
fn accepts_numeric_booleans_text_counts_and_nulls_from_engines() {
    let line = |rest: &str| {
        format!(
            r#"{{"type":"rollup","kind":"usage","instance":"i","collector":"usage_events","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","part":"17","user":"u","event":"request_duo_chat_response","feature":"chat",{rest}}}"#
        )
    };
    let ours = aggregated(&[line(r#""bot":true,"events":3,"sized":1,"lines":7"#)]);
    let theirs = r#""bot":1,"language":null,"ide":null,"events":"3","sized":"1","lines":"7""#;
    assert_eq!(aggregated(&[line(theirs)]), ours);
    assert_ne!(aggregated(&[line(&theirs.replace("\"bot\":1", "\"bot\":0"))]), ours);
    for wrong in [r#""bot":2,"events":3"#, r#""events":"three""#, r#""events":-3"#, r#""events":1.5"#] {
        let refused =
            emit_rollups(&OPTIONS, line(wrong).as_bytes(), Vec::new(), &mut Summary::new("aggregate"));
        assert!(refused.is_err(), "{wrong}");
    }
}

#[test]
fn accepts_agent_rollups_as_engines_write_them() {
    let line = |kind: &str, rest: &str| {
        format!(
            r#"{{"type":"rollup","kind":"{kind}","instance":"i","collector":"usage_events","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","part":"17",{rest}}}"#
        )
    };
    let agent = |rest: &str| {
        line("agent", &format!(r#""user":"u","event":"duo_workflow_tool_success","tool":"read_file",{rest}"#))
    };
    let ours = rollups(&[agent(r#""bot":true,"flow":"chat","events":3,"succeeded":3"#)]);
    let theirs =
        r#""bot":1,"flow":"chat","session":null,"model":null,"events":"3","succeeded":"3","input_told":"0""#;
    assert_eq!(rollups(&[agent(theirs)]), ours);
    assert_eq!(ours.len(), 1);
    let session = |users: &str| {
        line(
            "session",
            &format!(r#""session":"7","users":{users},"steps":[["2026-10-01T09:00:00Z","created"]]"#),
        )
    };
    let ours = rollups(&[session(r#"{"a":"2026-10-01T09:00:00Z","b":"2026-10-01T10:00:00.5Z"}"#)]);
    // One line per user; of several times of a user, the first counts.
    let theirs = [
        session(
            r#"[["b","2026-10-01T11:00:00Z"],["b","2026-10-01T10:00:00.5Z"],["b","2026-10-01T12:00:00Z"]]"#,
        ),
        session(r#"[["a","2026-10-01T09:00:00Z"]]"#),
    ];
    assert_eq!(rollups(&theirs), ours);
    assert_eq!(ours.len(), 1);
    let labels = |agents: &str, versions: &str| {
        let users = format!(r#"{{"a":"2026-10-01T09:00:00Z"}},"agents":{agents},"flow_versions":{versions}"#);
        rollups(&[session(&users)])
    };
    let (agents, none) = (r#"{"planner":"2026-10-01T09:00:00Z"}"#, "{}");
    let pairs = r#"[["planner","2026-10-01T10:00:00Z"],["planner","2026-10-01T09:00:00Z"]]"#;
    assert!(labels(agents, none)[0].contains(agents), "{:?}", labels(agents, none));
    assert_eq!(labels(pairs, "null"), labels(agents, none));
    for wrong in [r#"[["a"]]"#, r#"[["a","soon"]]"#, r#""a""#, r#"{"a":7}"#] {
        let refused =
            emit_rollups(&OPTIONS, session(wrong).as_bytes(), Vec::new(), &mut Summary::new("aggregate"));
        assert!(refused.is_err(), "{wrong}");
    }
}
