//! Counts that many jobs make side by side, put together.

use proptest::prelude::*;
use proptest::sample::Index;

use duo_metrics::commands::aggregate::emit_rollups;
use duo_metrics::system::summary::Summary;

use crate::bench::{Bench, lines_of, metric_text};
use crate::laws::{OPTIONS, events_of, figures, normalized, shuffled, stream};

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
    fn counted_in_pieces_or_not_twice_or_not_in_any_order_the_figures_are_the_same(
        raw in stream(),
        cuts in proptest::collection::vec((any::<Index>(), any::<bool>(), any::<bool>()), 1..50),
        keys in proptest::collection::vec(any::<Index>(), 1..40),
    ) {
        let records = shuffled(&normalized(&raw), &keys);
        let expected = figures(&records);
        let mut pieces: Vec<Vec<String>> = vec![Vec::new(); cuts.len()];
        for (place, record) in records.into_iter().enumerate() {
            pieces[cuts[place % cuts.len()].0.index(cuts.len())].push(record);
        }
        let mut stream = Vec::new();
        for (piece, (_, is_counted, is_doubled)) in pieces.into_iter().zip(&cuts) {
            let counted = if *is_counted { rollups(&piece) } else { piece.clone() };
            stream.extend(counted);
            // The same rows once more, counted: they are the same part.
            if *is_counted && *is_doubled {
                stream.extend(rollups(&piece));
            }
        }
        prop_assert_eq!(&figures(&stream), &expected);
        // What was counted can be counted again.
        prop_assert_eq!(&figures(&rollups(&shuffled(&stream, &keys))), &expected);
    }
}

#[test]
fn rows_and_the_counts_made_of_all_of_them_count_once() {
    let records = events_of(9, "2026-10-06T03:00:00Z", Some(("complete", 9)));
    assert_eq!(figures(&[records.clone(), rollups(&records)].concat()), figures(&records));
}

#[test]
fn parts_that_overlap_are_refused_by_the_rows_there_are() {
    let bench = Bench::new(20, 3);
    let records = events_of(9, "2026-10-06T03:00:00Z", Some(("complete", 9)));
    let (one, other) = (rollups(&records[..6]), rollups(&records[4..]));
    let refused = bench.pipe(&["aggregate"], [one.clone(), other].concat().join("\n").as_bytes());
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    assert!(refused.stderr.contains("usage_events of acme on 2026-10-05"), "{}", refused.stderr);
    assert!(refused.stderr.contains("overlap") && refused.stdout.is_empty(), "{}", refused.stderr);
    // A part that is missing is a gap, and nothing worse.
    let covered = [one, records[9..].to_vec()].concat();
    let partial = bench.pipe(&["aggregate"], covered.join("\n").as_bytes());
    assert_eq!(partial.code, 3, "{}", partial.stderr);
    assert!(partial.stderr.contains("6 of 9 rows arrived"), "{}", partial.stderr);
}

#[test]
fn a_real_collection_in_fifty_files_gives_the_same_bytes_by_way_of_rollups() {
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
fn engines_may_write_truth_as_numbers_counts_as_texts_and_what_is_absent_as_null() {
    let line = |rest: &str| {
        format!(
            r#"{{"type":"rollup","kind":"usage","instance":"i","collector":"usage_events","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","part":"17","user":"u","event":"request_duo_chat_response","feature":"chat",{rest}}}"#
        )
    };
    let ours = figures(&[line(r#""bot":true,"events":3,"sized":1,"lines":7"#)]);
    let theirs = r#""bot":1,"language":null,"ide":null,"events":"3","sized":"1","lines":"7""#;
    assert_eq!(figures(&[line(theirs)]), ours);
    assert_ne!(figures(&[line(&theirs.replace("\"bot\":1", "\"bot\":0"))]), ours);
    for wrong in [r#""bot":2,"events":3"#, r#""events":"three""#, r#""events":-3"#, r#""events":1.5"#] {
        let refused =
            emit_rollups(&OPTIONS, line(wrong).as_bytes(), Vec::new(), &mut Summary::new("aggregate"));
        assert!(refused.is_err(), "{wrong}");
    }
}

#[test]
fn what_engines_count_of_agents_may_be_written_as_they_can_too() {
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
    // A line for each user, and of several moments of one the first counts.
    let theirs = [
        session(
            r#"[["b","2026-10-01T11:00:00Z"],["b","2026-10-01T10:00:00.5Z"],["b","2026-10-01T12:00:00Z"]]"#,
        ),
        session(r#"[["a","2026-10-01T09:00:00Z"]]"#),
    ];
    assert_eq!(rollups(&theirs), ours);
    assert_eq!(ours.len(), 1);
    for wrong in [r#"[["a"]]"#, r#"[["a","soon"]]"#, r#""a""#, r#"{"a":7}"#] {
        let refused =
            emit_rollups(&OPTIONS, session(wrong).as_bytes(), Vec::new(), &mut Summary::new("aggregate"));
        assert!(refused.is_err(), "{wrong}");
    }
}
