//! Each collector against its fixture (`tests/fixtures/<collector>.jsonl`, nodes as GitLab answers them) and its
//! golden file (`tests/golden/<collector>.jsonl`: the records, then what was rejected). After a change that is
//! meant, `BLESS=1 tests/run` writes the golden files anew; read the difference before it is committed.

use std::path::Path;

use duo_metrics::collectors::COLLECTORS;

use crate::bench::{bare_command, done};

#[test]
fn every_collector_makes_the_records_of_its_golden_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for collector in COLLECTORS {
        let name = collector.name();
        let fixture = std::fs::read(tests.join(format!("fixtures/{name}.jsonl")))
            .expect("every collector has a fixture");
        let arguments =
            ["normalize", "--max-rejects", "100", "--dead-letter", "rejected.jsonl", "--dead-letter-content"];
        let result = done(bare_command(folder.path(), &arguments), &fixture);
        assert!([0, 3].contains(&result.code), "{name}: {}", result.stderr);
        let rejected = std::fs::read(folder.path().join("rejected.jsonl")).expect("the dead-letter file");
        let found = String::from_utf8([result.stdout, rejected].concat()).expect("streams are UTF-8");
        let golden = tests.join(format!("golden/{name}.jsonl"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &found).expect("the golden file can be written");
        }
        let expected = std::fs::read_to_string(&golden).expect("every collector has a golden file");
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
    }
}

#[test]
fn with_a_key_the_records_hold_pseudonyms_and_no_person() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for collector in COLLECTORS {
        let fixture = std::fs::read(tests.join(format!("{}.jsonl", collector.name())))
            .expect("every collector has a fixture");
        let with_key = |key: &str| {
            let mut command = bare_command(folder.path(), &["normalize", "--max-rejects", "100"]);
            command.env("DUO_METRICS_PSEUDONYM_KEY", key);
            done(command, &fixture)
        };
        let result = with_key("a key that nobody guesses");
        let text = String::from_utf8(result.stdout).expect("streams are UTF-8");
        for personal in
            ["gid://gitlab/User", "ana", "\"bo\"", "chidi", "<script", "bot\",", "svc", "nobody guesses"]
        {
            assert!(!text.contains(personal), "{}: {personal} in {text}", collector.name());
            assert!(!result.stderr.contains(personal), "{}: {personal}", collector.name());
        }
        assert_eq!(with_key("short").code, 2);
    }
}
