//! Compares the fast path with the parser.

use super::*;
use crate::aggregate::rollup::{Fetch, LocalIds, Rollups};

/// The rollup lines and the results of reading these lines, with or without the fast path.
fn read(lines: &[String], use_fast_path: bool) -> (Vec<String>, Vec<Result<(), String>>) {
    let (mut rollups, mut local_ids, mut reader) =
        (Rollups::default(), LocalIds::default(), Reader::default());
    let mut results = Vec::new();
    for line in lines {
        // A trailing space disables the fast path and does not change the content; `json::compact`
        // leaves a line without other white space to the parser.
        let line = if use_fast_path { line.clone() } else { format!("{line} ") };
        results.push(reader.read(&line).map(|_| ()));
        rollups.add_batch(reader.take_batch(), &mut local_ids);
    }
    rollups.fetches_mut().for_each(Fetch::finish);
    let mut lines = Vec::new();
    rollups
        .for_each_rollup(|line| {
            lines.push(serde_json::to_string(line).expect("a rollup serializes"));
            Ok::<(), ()>(())
        })
        .expect("nothing fails");
    (lines, results)
}

#[test]
fn cached_fetch_fields_do_not_change_the_result() {
    let line = |fetch: &str, row: u32| {
        format!(
            r#"{{"type":"event","ts":"2026-10-01T12:34:56Z",{fetch},"row":"1:{row}","event":"x","feature":"y","user":"u{row}"}}"#
        )
    };
    let first = r#""instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z""#;
    let fetches = [
        first.to_owned(),
        first.replace("03:00", "04:00"),
        first.replace(r#""scope":"s""#, r#""scope":"st""#),
        first.replace(r#""instance":"i","collector":"c""#, r#""collector":"c","instance":"i""#),
        first.replace(r#""instance":"i","collector":"c""#, r#""instance":"c","instance":"i""#),
        first.replace("2026-10-01", "2026-10-03"),
        format!(r#"{first},"scope":"t""#),
        first.replace("instance", "scope"),
        first.replace("instance", "row"),
    ];
    let mut lines = Vec::new();
    for (one, other) in (0..fetches.len()).flat_map(|one| (0..fetches.len()).map(move |other| (one, other))) {
        for fetch in [one, one, other, one] {
            lines.push(line(&fetches[fetch], lines.len() as u32));
        }
    }
    let together = read(&lines, true);
    assert_eq!(together, read(&lines, false));
    assert!(together.1.iter().any(Result::is_err) && together.0.len() > 60);
    let mut reader = Reader::default();
    assert!(reader.read(&lines[0]).is_ok());
    let fields = first.strip_prefix(r#""instance":"#).expect("its first key");
    let cached_ids = reader.cache.cached(FETCH, INSTANCE, fields.as_bytes()).map(CachedFields::len);
    assert_eq!(cached_ids, Some(fields.len()));
    // Only lines in the usual field order have a start that matches.
    for (field, line) in (0..).zip(&lines[..32]) {
        let mut reader = Reader::default();
        let is_read = reader.read(line).is_ok() && reader.read(line).is_ok();
        let is_usual = line.contains("\"ts\":\"2026-10-01T12:34:56Z\",\"instance\":");
        assert_eq!(reader.cache.prefix(line).is_some(), is_read && is_usual, "{field}: {line}");
    }
}

#[test]
fn cached_actions_and_editors_do_not_change_the_result() {
    let long = "a language with a name of more than a beginning";
    let editors = [
        String::new(),
        r#","language":"l""#.to_owned(),
        r#","language":"l","ide":"i""#.to_owned(),
        r#","ide":"i","language":"l""#.to_owned(),
        r#","ide":"i""#.to_owned(),
        r#","language":"l","language_original":"L","ide":"i","ide_original":"I""#.to_owned(),
        r#","language":"l","lines":3,"ide":"i""#.to_owned(),
        r#","language":"l","language":"m""#.to_owned(),
        r#","ide":"l""#.to_owned(),
        r#","language_original":"l""#.to_owned(),
        r#","ide_original":"l","ide":"i""#.to_owned(),
        r#","language_original":"l","ide":"i""#.to_owned(),
        r#","language":"l","ide":7"#.to_owned(),
        format!(r#","language":"{long}""#),
        format!(r#","language":"{long}","ide":"i""#),
        format!(r#","language":"{long}","ide":"i","feature":"other""#),
        format!(r#","language":"{long} again","lines":3,"ide":"i""#),
        format!(r#","language":"{long} again","lines":3"#),
    ];
    let actions = [
        r#""event":"x","feature":"y""#,
        r#""event":"x","feature":"z""#,
        r#""event":"xx","feature":"y""#,
        r#""feature":"y","event":"x""#,
        r#""event":"request_duo_workflow_success","feature":"agent_platform""#,
        r#""event":"x""#,
        r#""feature":"x","feature":"y""#,
        r#""event":"x","event":"y""#,
    ];
    let contents: Vec<String> = actions
        .iter()
        .flat_map(|action| editors.iter().map(move |editor| format!("{action},\"user\":\"u\"{editor}")))
        .collect();
    let mut lines = Vec::new();
    for (one, other) in contents.iter().flat_map(|one| contents.iter().map(move |other| (one, other))) {
        for agent in [one, one, other, one] {
            lines.push(format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:{}",{agent},"namespace":"n"}}"#,
                lines.len()
            ));
        }
    }
    let together = read(&lines, true);
    assert_eq!(together, read(&lines, false));
    assert!(together.1.iter().any(Result::is_err) && together.0.len() > 20);
    let bytes = format!(r#"{},"user":"u""#, &actions[0]["\"event\":".len()..]);
    let mut reader = Reader::default();
    assert!(reader.read(&lines[0]).is_ok());
    let cached_ids = reader.cache.cached(ACTION, EVENT, bytes.as_bytes()).map(CachedFields::len);
    assert_eq!(cached_ids, Some(r#""x","feature":"y""#.len()));
}

#[test]
fn fast_path_and_parser_agree_on_every_value_of_every_field() {
    let counted: usize = [r#""x""#, r#""request_duo_workflow_success""#, r#""token_usage_duo_chat""#]
        .map(compare_fast_path_and_parser)
        .into_iter()
        .sum();
    assert!(counted > 1_000, "most lines are events: {counted}");
}

/// Compares both paths for events of this name with one field changed or doubled. Returns the
/// number of rollup lines.
fn compare_fast_path_and_parser(event: &str) -> usize {
    let fields = [
        ("type", r#""event""#),
        ("ts", r#""2026-10-01T12:34:56Z""#),
        ("instance", r#""https://gitlab.example.com""#),
        ("collector", r#""usage_events""#),
        ("scope", r#""acme""#),
        ("day", r#""2026-10-01""#),
        ("fetched_at", r#""2026-10-02T03:00:00Z""#),
        ("row", r#""3:17""#),
        ("event", event),
        ("feature", r#""y""#),
        ("user", r#""gid://gitlab/User/1""#),
        ("username", r#""ana""#),
        ("bot", "false"),
        ("language", r#""rust""#),
        ("ide", r#""neovim""#),
        ("lines", "7"),
        ("tracking_id", r#""t""#),
        ("event_id", r#""e""#),
        ("namespace", r#""acme""#),
        ("project", r#""p""#),
        ("session", r#""s""#),
        ("flow", r#""f""#),
        ("environment", r#""ide""#),
        ("tool", r#""t""#),
        ("model", r#""m""#),
        ("model_engine", r#""m""#),
        ("model_provider", r#""p""#),
        ("agent", r#""a""#),
        ("agent_type", r#""a""#),
        ("flow_version", r#""v1""#),
        ("item_type", r#""custom_flow""#),
        ("item", r#""17""#),
        ("item_version", r#""1.0.2""#),
        ("component", r#""planner""#),
        ("user_type", r#""human""#),
        ("global_user_id", r#""g""#),
        ("outcome", r#""completed""#),
        ("reason", r#""r""#),
        ("input_tokens", "9"),
        ("output_tokens", "8"),
        ("total_tokens", "17"),
        ("cache_read", "3"),
        ("cache_write_5m", "2"),
        ("cache_write_1h", "1"),
        ("cache_write", "3"),
        ("source", r#""gitlab-rails""#),
        ("context", ""),
        ("kind", ""),
        ("language_original", r#""Rust""#),
        ("ide_original", r#""Neovim""#),
        ("of_tomorrow", "1"),
    ];
    let values = [
        "",
        r#""""#,
        r#""x""#,
        "null",
        "true",
        "7",
        "-7",
        "1.5",
        "4294967296",
        "[]",
        r#"{"plan":"free"}"#,
        r#""2026-10-01T24:00:00Z""#,
        r#""2026-10-01T12:34:60Z""#,
        r#""2026-10-01T12:34:56.5Z""#,
        r#""2026-10-01T12:34:56.789Z""#,
        r#""2026-10-01T12:34:56.78aZ""#,
        r#""2026-02-30T12:34:56Z""#,
        r#""2026-10-02T00:00:00Z""#,
        r#""2026-10-01T12:34:5aZ""#,
        r#""2026-10-01""#,
        r#""2026-13-01""#,
        r#""1:2:3""#,
        r#""17""#,
        r#""001:0002""#,
        r#""1:""#,
        r#""1:4294967296""#,
        r#""+1:2""#,
        r#""gid://gitlab/User/""#,
        r#""gid://gitlab/User/01""#,
        r#""gid://gitlab/User/1x""#,
        r#""gid://gitlab/User/1x"#,
        r#""gid://gitlab/User/1234567890123456789""#,
        r#""gid://gitlab/Users/1""#,
        r#""\u0065""#,
        r#""événement élémentaire""#,
    ];
    let line = |fields: &[(&str, &str)]| {
        let fields: Vec<String> = fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!(r#""{name}":{value}"#))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    assert!(Reader::default().decode_event_fast(&line(&fields)).is_some());
    // After a line that fills the cache.
    let mut usual = fields;
    usual[7].1 = r#""3:16""#;
    let usual = line(&usual[..11]);
    let mut counted = 0;
    for range in 0..fields.len() {
        for value in values {
            let mut changed = fields.to_vec();
            changed[range].1 = value;
            let mut doubled = fields.to_vec();
            doubled.push((fields[range].0, value));
            for line in [line(&changed), line(&doubled)] {
                for lines in [vec![line.clone()], vec![usual.clone(), line]] {
                    let fast = read(&lines, true);
                    assert_eq!(fast, read(&lines, false), "{lines:?}");
                    counted += fast.0.len();
                }
            }
        }
    }
    counted
}

#[test]
fn counts_lines_of_other_json_writers_like_canonical_ones() {
    let start = r#"{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z""#;
    let rest = r#""event":"code_suggestion_shown_in_ide","feature":"code_suggestions","user":"u 1","language":"a : b, c","lines":7"#;
    let canonical = format!(r#"{start},"row":"1:1",{rest}}}"#);
    let wanted = read(std::slice::from_ref(&canonical), true);
    assert!(wanted.1[0].is_ok() && !wanted.0.is_empty(), "{wanted:?}");
    let spaced = canonical.replace("\":", "\" :\t").replace(",\"", " , \"");
    let with = |more: &str| canonical.replace(",\"lines\"", &format!(",{more},\"lines\""));
    let additional = [
        r#""new":{"a":[1,"}",null]}"#,
        r#""new":-1.5e3"#,
        r#""new":"\u0026\"""#,
        r#""ide":null,"session":null,"input_tokens":null,"kind":null"#,
        r#""project":"a\u0026b","agent":null"#,
        r#""context":{"plan":"free"}"#,
    ];
    for line in additional.map(with).into_iter().chain([format!(" {spaced} \r"), spaced]) {
        assert_eq!(read(std::slice::from_ref(&line), true), wanted, "{line}");
    }
    // White space between two tokens that would become one is an error, and counts nothing.
    for line in [canonical.replace("\"lines\":7", "\"lines\": 7 7"), canonical.replace(":7}", ": 7")] {
        let (counted, results) = read(&[line], true);
        assert!(counted.is_empty() && results[0].is_err(), "{counted:?}");
    }
}
