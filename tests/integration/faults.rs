//! Seeded mixes of faults: the figures are those of a run without faults, or the coverage says which days differ.
//! Twenty mixes here; `tests/soak` runs two hundred.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bench::{Bench, lines_of};
use crate::stand_in::{Settings, Trouble};

/// How many mixes are run, and from which seed on.
fn seeds() -> std::ops::Range<u64> {
    let mixes = std::env::var("SOAK").ok().and_then(|mixes| mixes.parse().ok()).unwrap_or(20);
    0..mixes
}

/// Metric lines by what they speak of, without the address of the GitLab, which differs from stand-in to stand-in.
fn by_key(metrics: &[u8]) -> BTreeMap<String, Value> {
    let lines = lines_of(metrics, "metric").into_iter().map(|mut line| {
        line["instance"] = Value::Null;
        (crate::reference::key(&line), line)
    });
    lines.collect()
}

#[test]
fn under_any_mix_of_faults_no_figure_is_wrong_without_saying_so() {
    let settings = || Settings { people: 20, days: 3, ..Settings::default() };
    let arguments = ["fetch", "--duo", "--project", "--since", "2026-10-29", "--jobs", "4"];
    let faultless = Bench::with(settings());
    let expected = by_key(&faultless.aggregate(&faultless.normalize(&faultless.run(&arguments).stdout)));
    assert!(expected.len() > 300);
    let (mut whole, mut partial, mut nothing) = (0, 0, 0);
    for seed in seeds() {
        // From one request in a hundred to one in three goes wrong.
        let share = [0.01, 0.05, 0.15, 0.33][(seed % 4) as usize];
        let bench = Bench::with(Settings { trouble: Some(Trouble::mixed(seed, share)), ..settings() });
        let impatient = ["--retries", "3", "--retry-wait", "0.002", "--timeout", "1"];
        let fetched = bench.run(&[&arguments[..], &impatient[..]].concat());
        let told = &fetched.stderr;
        match fetched.code {
            0 => whole += 1,
            3 => partial += 1,
            75 => nothing += 1,
            code => panic!("seed {seed}: exit code {code}: {told}"),
        }
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "seed {seed}");
        let normalized = bench.pipe(&["normalize"], &fetched.stdout);
        assert_eq!(normalized.code, 0, "seed {seed}: {}", normalized.stderr);
        let aggregated = bench.pipe(&["aggregate"], &normalized.stdout);
        assert_eq!(aggregated.code, 0, "seed {seed}: {}", aggregated.stderr);
        let found = by_key(&aggregated.stdout);
        if fetched.code == 0 {
            assert!(found == expected, "seed {seed}: figures differ with exit code 0");
        }
        for (key, line) in &found {
            // Code suggestions whose own source failed come without their language, and say so.
            if key.contains("(not attributed)") || key.starts_with("coverage.") {
                continue;
            }
            // A line that says it rests on as much as the faultless one has its numbers; one that rests on less says so.
            let Some(right) = expected.get(key) else {
                panic!("seed {seed}: {key} should not be there: {line}")
            };
            let at_least = |name: &str| line[name].as_f64() >= right[name].as_f64();
            let is_whole = at_least("coverage") && at_least("basis");
            let rests_on_seats = key.starts_with("seats.") || key.starts_with("engagement.");
            assert!(line == right || !is_whole || rests_on_seats, "seed {seed}: {line} is not {right}");
        }
        for day in lines_of(&fetched.stdout, "coverage") {
            assert_eq!(day["status"] == "complete", day["reason"].is_null(), "seed {seed}: {day}");
        }
    }
    assert!(whole > 0 && partial > 0, "{whole} whole, {partial} partial, {nothing} without anything");
}
