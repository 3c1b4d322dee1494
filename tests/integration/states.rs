//! Exit code, badge, `dashboard.json` and page agree for combinations of license, role, group,
//! sampling, ClickHouse, history and dashboards.

use serde_json::Value;
use stand_in::{Release, Settings};

use crate::bench::{Bench, TOKEN, run_command};

/// A combination, and the expected result of `run`.
struct State {
    name: &'static str,
    settings: fn(Settings) -> Settings,
    /// Suffix of the owner's token.
    role: &'static str,
    group: &'static str,
    arguments: &'static [&'static str],
    code: i32,
    /// Status of the Duo dashboard in `dashboard.json` and on the page; empty without that
    /// dashboard.
    duo: &'static str,
    /// The same for the project dashboard.
    project: &'static str,
    /// A text on the page of the Duo dashboard, or else on standard error.
    words: &'static str,
}

const fn state(name: &'static str, arguments: &'static [&'static str], code: i32) -> State {
    State {
        name,
        settings: |settings| settings,
        role: "",
        group: "acme",
        arguments,
        code,
        duo: "",
        project: "",
        words: "",
    }
}

const DUO: &[&str] = &["--duo"];
const PROJECT: &[&str] = &["--project", "--no-duo"];
const BOTH: &[&str] = &["--duo", "--project"];

const NO_DUO_DAY: &str = "the Duo dashboard has no day of its core collectors";
const NOTHING: &str = "nothing to collect here";

const STATES: &[State] = &[
    State { duo: "complete", words: "Complete", ..state("duo, owner", DUO, 0) },
    State { project: "complete", ..state("project, owner", PROJECT, 0) },
    State { duo: "complete", project: "complete", ..state("both, owner", BOTH, 0) },
    State { role: "-reporter", duo: "complete", words: "seats", ..state("duo, reporter", DUO, 0) },
    State { role: "-reporter", project: "complete", ..state("project, reporter", PROJECT, 0) },
    State { role: "-reporter", duo: "complete", project: "complete", ..state("both, reporter", BOTH, 0) },
    State { role: "-guest", words: NOTHING, ..state("duo, guest", DUO, 69) },
    State { role: "-guest", project: "complete", ..state("project, guest", PROJECT, 0) },
    State {
        role: "-guest",
        duo: "empty",
        project: "complete",
        words: NO_DUO_DAY,
        ..state("both, guest", BOTH, 3)
    },
    State { role: "-admin", duo: "complete", ..state("duo, administrator", DUO, 0) },
    State { group: "acme/web", duo: "complete", ..state("duo, subgroup", DUO, 0) },
    State {
        group: "acme/web",
        role: "-web",
        words: NOTHING,
        ..state("duo, subgroup, reporter in the subgroup", DUO, 69)
    },
    State { group: "acme/web", project: "complete", ..state("project, subgroup", PROJECT, 0) },
    State { group: "acme/web", duo: "complete", project: "complete", ..state("both, subgroup", BOTH, 0) },
    State {
        group: "acme/web",
        role: "-web",
        duo: "empty",
        project: "complete",
        words: NO_DUO_DAY,
        ..state("both, subgroup, reporter in the subgroup", BOTH, 3)
    },
    State { group: "acme,globex", duo: "complete", ..state("duo, two groups", DUO, 0) },
    State {
        group: "acme,globex",
        duo: "complete",
        project: "complete",
        ..state("both, two groups", BOTH, 0)
    },
    State { group: "acme,globex/none", words: "not found", ..state("duo, a missing group", DUO, 78) },
    State { duo: "sampled", words: "Sample", ..state("duo, each second day", &["--duo", "--every", "2"], 0) },
    State {
        duo: "sampled",
        words: "Sample",
        ..state("duo, each seventh day", &["--duo", "--every", "7"], 0)
    },
    State {
        duo: "sampled",
        project: "sampled",
        ..state("both, each seventh day", &["--duo", "--project", "--every", "7"], 0)
    },
    State { settings: with_clickhouse, duo: "complete", ..state("duo, ClickHouse", DUO, 0) },
    State {
        settings: with_clickhouse,
        role: "-reporter",
        duo: "complete",
        ..state("duo, ClickHouse, reporter", DUO, 0)
    },
    State { settings: release_17_5, duo: "complete", words: "usage_events", ..state("duo, 17.5", DUO, 0) },
    State { settings: release_17_5, duo: "complete", project: "complete", ..state("both, 17.5", BOTH, 0) },
    State { settings: release_18_2, duo: "complete", ..state("duo, 18.2", DUO, 0) },
    State { settings: self_managed, duo: "complete", ..state("duo, self-managed, owner", DUO, 0) },
    State {
        settings: self_managed,
        role: "-admin",
        duo: "complete",
        ..state("duo, self-managed, administrator", DUO, 0)
    },
    State {
        settings: with_forbidden_day,
        duo: "partial",
        words: "Partial",
        ..state("duo, a forbidden day", DUO, 3)
    },
    State {
        role: "-reporter",
        duo: "partial",
        words: "Partial",
        ..state(
            "duo, reporter, seats named",
            &["--duo", "--collector", "seats", "--collector", "usage_events"],
            3,
        )
    },
    State { duo: "complete", ..state("seats alone, named", &["--duo", "--collector", "seats"], 0) },
    State {
        role: "-admin",
        duo: "complete",
        ..state("the instance, named", &["--duo", "--collector", "instance_usage_events"], 0)
    },
    State {
        words: NOTHING,
        role: "-guest",
        ..state("duo, guest, history", &["--duo", "--history", "history"], 69)
    },
    State { duo: "complete", ..state("duo, history", &["--duo", "--history", "history"], 0) },
];

fn with_clickhouse(settings: Settings) -> Settings {
    Settings { clickhouse: true, ..settings }
}

fn release_17_5(settings: Settings) -> Settings {
    Settings { release: Release::V17_5, ..settings }
}

fn release_18_2(settings: Settings) -> Settings {
    Settings { release: Release::V18_2, ..settings }
}

fn self_managed(settings: Settings) -> Settings {
    Settings { self_managed: true, ..settings }
}

fn with_forbidden_day(settings: Settings) -> Settings {
    Settings { forbidden_day: chrono::NaiveDate::from_ymd_opt(2026, 10, 28), ..settings }
}

/// The status in the `dashboard.json` of a folder of the site, and its page; empty without that
/// folder.
fn dashboard(bench: &Bench, folder: &str) -> (String, String) {
    let read = |name: &str| std::fs::read_to_string(bench.path(&format!("public/{folder}/{name}"))).ok();
    let card = read("dashboard.json").map(|json| serde_json::from_str::<Value>(&json).expect("it is JSON"));
    let status = card.map(|card| card["status"].as_str().expect("a text").to_owned());
    (status.unwrap_or_default(), read("index.html").unwrap_or_default())
}

/// The badge of a status.
fn badge(status: &str) -> &'static str {
    match status {
        "complete" => ">Complete</span>",
        "sampled" => ">Sample</span>",
        "partial" => ">Partial</span>",
        _ => ">No data yet</span>",
    }
}

#[test]
fn exit_code_badge_status_and_page_agree_in_each_state() {
    assert!(STATES.len() >= 30);
    let mut wrong = Vec::new();
    for state in STATES {
        let bench = Bench::with((state.settings)(Settings { people: 40, days: 40, ..Settings::default() }));
        let mut command = bench.command(&[&["run", "--since", "2026-10-15"], state.arguments].concat());
        command.env("DUO_TOKEN", format!("{TOKEN}{}", state.role)).env("GROUP_PATH", state.group);
        let ran = run_command(command, b"");
        let ((duo, page), (project, project_page)) =
            (dashboard(&bench, "duo-metrics"), dashboard(&bench, "project-metrics"));
        let mut differ = Vec::new();
        if (ran.code, &*duo, &*project) != (state.code, state.duo, state.project) {
            differ.push(format!("{} {duo:?} {project:?}", ran.code));
        }
        for (status, page) in [(&duo, &page), (&project, &project_page)] {
            if !status.is_empty() && !page.contains(badge(status)) {
                differ.push(format!("the page has no badge {}", badge(status)));
            }
            if status == "complete" && page.contains("quality-gaps-caption") {
                differ.push("a complete page lists days that are not".to_owned());
            }
        }
        if !page.contains(state.words) && !ran.stderr.contains(state.words) {
            differ.push(format!("no output contains {:?}", state.words));
        }
        // The exit code is 0 only for complete and sampled data.
        let is_complete = |status: &String| ["", "complete", "sampled"].contains(&status.as_str());
        if (ran.code == 0)
            != (is_complete(&duo) && is_complete(&project) && !(duo.is_empty() && project.is_empty()))
        {
            differ.push("code and status contradict each other".to_owned());
        }
        if !differ.is_empty() {
            wrong.push(format!("{}: {}\n{}", state.name, differ.join("; "), ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_seventh_day_rotates_weekdays_and_every_second_day_alternates() {
    let bench = Bench::new(20, 70);
    let sampled = |every: &str, until: &str| -> Vec<i64> {
        let arguments = ["fetch", "--duo", "--collector", "usage_events", "--every", every, "--until", until];
        let fetched = bench.run(&[&arguments[..], &["--since", "2026-08-24"]].concat());
        assert_eq!(fetched.code, 0, "{}", fetched.stderr);
        let lines = crate::bench::lines_of(&fetched.stdout, "coverage");
        let taken = lines.iter().filter(|line| line["status"] == "complete");
        let day = |line: &Value| -> duo_metrics::base::calendar::Day {
            line["day"].as_str().expect("a text").parse().expect("a day")
        };
        let mut days: Vec<i64> = taken.map(|line| day(line).number()).collect();
        days.sort_unstable();
        days
    };
    let seventh = sampled("7", "2026-10-31");
    let weekdays: std::collections::BTreeSet<i64> = seventh.iter().map(|day| day.rem_euclid(7)).collect();
    assert!(seventh.len() >= 9 && weekdays.len() == 7, "{seventh:?}");
    let second = sampled("2", "2026-10-31");
    assert!(second.windows(2).all(|pair| pair[1] - pair[0] == 2), "{second:?}");
    // The days do not depend on the range of the run.
    let earlier = sampled("7", "2026-10-10");
    assert!(earlier.iter().all(|day| seventh.contains(day)));
}
