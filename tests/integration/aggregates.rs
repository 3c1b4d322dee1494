//! The aggregates of agent sessions and code suggestions that GitLab computes: every row once,
//! equal to the sessions and events of the organization, for every role that may read them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stand_in::{Release, Session, Settings};

use crate::bench::{Bench, CommandResult, TOKEN, lines_of, run_command};

const COLLECTORS: [&str; 4] = ["agent_sessions", "agent_flows", "agent_durations", "suggestions_by_editor"];

/// With several pages of rows a day, and few projects, so that rows differ in few dimensions.
fn with_small_pages(release: Release) -> Bench {
    let largest_aggregate_page = 3;
    let settings =
        Settings { people: 400, days: 5, projects: Some(3), clickhouse: true, ..Settings::default() };
    Bench::with(Settings { largest_aggregate_page, release, ..settings })
}

fn fetch(bench: &Bench, token: &str, since: &str, collectors: &[&str]) -> CommandResult {
    let mut arguments = vec!["fetch", "--since", since];
    for collector in collectors {
        arguments.extend(["--collector", collector]);
    }
    let mut command = bench.command(&arguments);
    command.env("DUO_TOKEN", format!("{TOKEN}{token}"));
    run_command(command, b"")
}

/// The records of one collector.
fn records(bench: &Bench, fetched: &CommandResult, collector: &str) -> Vec<Value> {
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let mut lines = Vec::new();
    for kind in ["session_total", "session_duration", "suggestion_total"] {
        lines.extend(lines_of(&bench.normalize(&fetched.stdout), kind));
    }
    lines.retain(|line| line["collector"] == collector);
    lines
}

/// The sessions of acme that were created from a day on, with that day.
fn sessions<'b>(bench: &'b Bench, since: &str) -> Vec<(String, &'b Session)> {
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    let of_acme = organization.sessions.iter().filter(|session| session.group == acme);
    let with_day = of_acme.map(|session| (session.began_at.date_naive().to_string(), session));
    with_day.filter(|(day, _)| day.as_str() >= since).collect()
}

/// What a row of sessions is about, as text.
fn key(bench: &Bench, day: &str, session: &Session, with_status: bool, with_project: bool) -> String {
    let organization = bench.gitlab.organization();
    let person = &organization.people[session.person];
    let project = session.project.map(|project| organization.projects[project].full_path.clone());
    let status = with_status.then_some(session.status);
    let model = session.model().filter(|_| with_status);
    let project = project.filter(|_| with_project);
    json!([day, session.flow_type, person.gid(), person.bot, project, status, model]).to_string()
}

/// The same of a record.
fn key_of(line: &Value) -> String {
    let [flow, user, project, status, model] =
        ["flow", "user", "project", "status", "model"].map(|name| line.get(name).unwrap_or(&Value::Null));
    let is_bot = line.get("bot").is_some();
    assert_eq!(line["start"], line["end"]);
    json!([line["start"], flow, user, is_bot, project, status, model]).to_string()
}

#[test]
fn rows_of_sessions_equal_the_sessions_for_every_role_and_release() {
    for (release, token) in [
        (Release::Newest, ""),
        (Release::Newest, "-reporter"),
        (Release::Newest, "-admin"),
        (Release::V19_1, ""),
    ] {
        let bench = with_small_pages(release);
        let is_newest = release == Release::Newest;
        let fetched = fetch(&bench, token, "2026-10-27", &COLLECTORS[..1 + usize::from(is_newest)]);
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
        for (collector, with_status) in [("agent_sessions", false), ("agent_flows", true)] {
            if with_status && !is_newest {
                continue;
            }
            let mut expected: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for (day, session) in sessions(&bench, "2026-10-27") {
                let counts = expected.entry(key(&bench, &day, session, with_status, is_newest)).or_default();
                counts.0 += 1;
                counts.1 += u64::from(session.finished_at.is_some() && !with_status);
            }
            let lines = records(&bench, &fetched, collector);
            let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for line in &lines {
                let finished = line["finished"].as_u64();
                assert_eq!(finished.is_none(), with_status, "{line}");
                let counts = (line["sessions"].as_u64().expect("a count"), finished.unwrap_or(0));
                let before = found.insert(key_of(line), counts);
                assert!(before.is_none(), "a row came twice: {line}");
            }
            assert_eq!(found, expected, "{release} {token} {collector}");
            let operation = if with_status { "AgentFlows" } else { "AgentSessions" };
            let asked = bench.gitlab.requests();
            let pages = asked.iter().filter(|request| request.operation == operation);
            assert!(pages.clone().count() > 15, "{collector}: more pages than days");
            let dimensions = if with_status {
                vec!["workflow_definition", "status", "user", "project", "model_used"]
            } else if is_newest {
                vec!["flow_type", "user", "project"]
            } else {
                vec!["flow_type", "user"]
            };
            for page in pages {
                let order = page.variables["order"].as_array().expect("a list");
                let order: Vec<&Value> = order.iter().map(|one| &one["identifier"]).collect();
                assert_eq!(order, dimensions, "ordered by every dimension");
                let [start, end] = ["start", "end"].map(|name| page.variables[name].as_str().expect("text"));
                assert_eq!(start[..10], end[..10], "one day a request");
                assert_eq!((&start[10..], &end[10..]), ("T00:00:00Z", "T23:59:59.999Z"), "both are included");
            }
        }
    }
}

#[test]
fn statuses_are_those_of_gitlab_and_unknown_ones_stay_unchanged() {
    let bench = Bench::with(Settings { people: 300, days: 45, clickhouse: true, ..Settings::default() });
    let fetched = fetch(&bench, "-reporter", "2026-09-17", &["agent_flows"]);
    let found: BTreeSet<String> = records(&bench, &fetched, "agent_flows")
        .iter()
        .map(|line| line["status"].as_str().expect("text").to_owned())
        .collect();
    let expected = [
        stand_in::UNKNOWN_STATUS,
        "failed",
        "finished",
        "input_required",
        "paused",
        "plan_approval_required",
        "stopped",
        "tool_call_approval_required",
    ];
    assert_eq!(found, BTreeSet::from(expected.map(str::to_owned)));
}

/// The quantile between two observations, as ClickHouse interpolates it.
fn quantile(seconds: &[i64], share: f64) -> Option<f64> {
    let last = seconds.len().checked_sub(1)?;
    let place = share * last as f64;
    let (below, above) = (seconds[place.floor() as usize] as f64, seconds[place.ceil() as usize] as f64);
    Some(below + (above - below) * (place - place.floor()))
}

#[test]
fn durations_are_those_of_each_week_month_and_window() {
    let settings =
        |release| Settings { people: 300, days: 45, clickhouse: true, release, ..Settings::default() };
    for release in [Release::V19_1, Release::Newest] {
        let bench = Bench::with(settings(release));
        let fetched = fetch(&bench, "", "2026-10-13", &["agent_durations"]);
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
        // Those that overlap October 13 to 31, and 28 days.
        let periods = [
            ("2026-10-12", "2026-10-18"),
            ("2026-10-19", "2026-10-25"),
            ("2026-10-26", "2026-10-31"),
            ("2026-10-01", "2026-10-31"),
            ("2026-10-04", "2026-10-31"),
        ];
        let mut expected = BTreeMap::new();
        for (start, end) in periods {
            let of_period: Vec<&Session> = sessions(&bench, start)
                .into_iter()
                .filter(|(day, _)| day.as_str() <= end)
                .map(|(_, session)| session)
                .collect();
            let flows: BTreeSet<&str> = of_period.iter().map(|session| session.flow_type).collect();
            assert!(flows.len() > 3, "{flows:?}");
            for flow in flows.into_iter().map(Some).chain([None]) {
                let of_flow: Vec<&&Session> = of_period
                    .iter()
                    .filter(|session| flow.is_none_or(|flow| session.flow_type == flow))
                    .collect();
                let people: BTreeSet<usize> = of_flow.iter().map(|session| session.person).collect();
                let mut seconds: Vec<i64> = of_flow.iter().filter_map(|session| session.seconds()).collect();
                seconds.sort_unstable();
                let values = json!([of_flow.len(), seconds.len(), people.len()]).to_string();
                let quantiles = [0.5, 0.95].map(|share| quantile(&seconds, share));
                expected.insert(json!([start, end, flow]).to_string(), (values, quantiles));
            }
        }
        let mut found = BTreeMap::new();
        for line in records(&bench, &fetched, "agent_durations") {
            let flow = line.get("flow").unwrap_or(&Value::Null);
            let values = json!([line["sessions"], line["finished"], line["users"]]).to_string();
            let quantiles = ["p50", "p95"].map(|name| line[name].as_f64());
            let period = json!([line["start"], line["end"], flow]).to_string();
            assert!(found.insert(period, (values, quantiles)).is_none(), "a row came twice: {line}");
        }
        assert_eq!(found, expected, "{release}");
    }
}

#[test]
fn suggestions_by_editor_equal_the_events() {
    let bench = Bench::with(Settings { people: 300, days: 4, clickhouse: true, ..Settings::default() });
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    // A suggestion is known by its tracking id. Each line is of a day, editor and spelling of a language.
    let mut expected: BTreeMap<String, [u64; 5]> = BTreeMap::new();
    let of_acme = |event: &&stand_in::UsageEvent| event.group == acme && event.tracking.is_some();
    let suggestions: BTreeSet<Option<u64>> =
        organization.usage_events.iter().filter(of_acme).map(|event| event.tracking).collect();
    let mut events: BTreeMap<Option<u64>, Vec<&stand_in::UsageEvent>> = BTreeMap::new();
    for event in organization.usage_events.iter().filter(of_acme) {
        events.entry(event.tracking).or_default().push(event);
    }
    for tracking in suggestions {
        let events = &events[&tracking];
        let first = events.iter().min_by_key(|event| event.timestamp).expect("it has events");
        let has = |name: &str| u64::from(events.iter().any(|event| event.event == name));
        let day = first.timestamp.date_naive().to_string();
        let counts = expected.entry(json!([day, first.ide_name()]).to_string()).or_default();
        counts[0] += has("CODE_SUGGESTION_SHOWN_IN_IDE");
        counts[1] += has("CODE_SUGGESTION_ACCEPTED_IN_IDE");
        counts[2] += has("CODE_SUGGESTION_REJECTED_IN_IDE");
        counts[3] += u64::from(first.suggestion_size.unwrap_or(0));
    }
    let editors = BTreeMap::from([
        ("vscode", "Visual Studio Code"),
        ("intellij idea", "IntelliJ IDEA"),
        ("pycharm", "PyCharm"),
        ("neovim", "Neovim"),
        ("visual studio", "Visual Studio"),
    ]);
    for release in [Release::V19_1, Release::Newest] {
        let settings = Settings { people: 300, days: 4, clickhouse: true, release, ..Settings::default() };
        let bench = Bench::with(settings);
        let fetched = fetch(&bench, "-reporter", "2026-10-28", &["suggestions_by_editor"]);
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
        let mut found: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        let mut languages = BTreeSet::new();
        for line in records(&bench, &fetched, "suggestions_by_editor") {
            let editor = line["ide"].as_str().map(|ide| *editors.get(ide).unwrap_or(&ide));
            let counts = found.entry(json!([line["start"], editor]).to_string()).or_default();
            for (place, name) in ["shown", "accepted", "rejected", "lines"].into_iter().enumerate() {
                counts[place] += line[name].as_u64().expect("a number");
            }
            languages.insert(line.get("language").cloned().unwrap_or_default().to_string());
        }
        assert_eq!(found, expected, "{release}");
        assert!(languages.contains("\"go\"") && languages.contains("null"), "{languages:?}");
    }
}

#[test]
fn what_gitlab_refuses_or_lacks_is_reported_once_with_its_reason() {
    let plain = || Settings { people: 40, days: 5, clickhouse: true, ..Settings::default() };
    let no_flag = Settings { duo_workflows: false, ..plain() };
    let no_siphon = Settings { siphon: false, ..plain() };
    let no_clickhouse = Settings { clickhouse: false, ..plain() };
    let older = Settings { release: Release::V19_1, ..plain() };
    for (settings, token, collector, status, words) in [
        (plain(), "-guest", "agent_sessions", "denied", "The following sources are not accessible: acme"),
        (plain(), "-guest", "agent_flows", "denied", "The following sources are not accessible: acme"),
        (plain(), "-guest", "agent_durations", "denied", "The following sources are not accessible: acme"),
        (older, "-guest", "agent_sessions", "denied", "does not exist or you don't have permission"),
        (no_flag, "", "agent_flows", "unsupported", "`dap_impact_v1` feature flag is disabled."),
        (no_siphon, "", "agent_flows", "unsupported", "Siphon replication is not enabled on this instance."),
        (
            no_clickhouse.clone(),
            "",
            "agent_flows",
            "unsupported",
            "ClickHouse is not configured on this instance.",
        ),
        (no_clickhouse, "", "suggestions_by_editor", "denied", "no ClickHouse"),
    ] {
        let bench = Bench::with(settings);
        let mut command = bench.command(&["fetch", "--since", "2026-10-29", "--jobs", "1"]);
        command.env("DUO_TOKEN", format!("{TOKEN}{token}"));
        let by_default = run_command(command, b"");
        let coverage = lines_of(&by_default.stdout, "coverage");
        let of_collector: Vec<&Value> =
            coverage.iter().filter(|line| line["collector"] == collector).collect();
        assert_eq!(of_collector.len(), if collector == "agent_durations" { 1 } else { 3 });
        for line in of_collector {
            assert_eq!(
                (&line["status"], &line["rows"]),
                (&status.into(), &Value::Null),
                "{collector}: {line}"
            );
            assert!(line["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{line}");
        }
        let operations = [
            ("agent_sessions", "AgentSessions"),
            ("agent_flows", "AgentFlows"),
            ("agent_durations", "DurationsByWeek"),
            ("suggestions_by_editor", "SuggestionsByEditor"),
        ];
        let operation = operations.iter().find(|(name, _)| *name == collector).expect("a collector").1;
        let asked = bench.gitlab.requests().iter().filter(|request| request.operation == operation).count();
        assert_eq!(asked, 1, "{collector}: the answer is the same for the next day");
    }
}

/// Pages are offsets, and without a complete order each page orders the rows anew, as a database
/// may. If the stand-in did not, the tests above would not notice a missing order.
#[test]
fn without_a_complete_order_rows_repeat_and_get_lost() {
    let bench = with_small_pages(Release::Newest);
    let pages = |order: &str| -> Vec<String> {
        let query = format!(
            r#"query Rows($scope: ID!, $after: String) {{ group(fullPath: $scope) {{ analytics {{
                duoWorkflows {{ aggregated({order} first: 100, after: $after) {{
                    nodes {{ dimensions {{ workflowDefinition user {{ id }} }} totalCount }} pageInfo {{ endCursor hasNextPage }} }} }} }} }} }}"#
        );
        std::fs::write(bench.path("rows.graphql"), query).expect("written");
        let arguments = ["--collector", "seats", "--collector-file", "rows.graphql", "--since", "2026-10-31"];
        let raw = lines_of(&bench.fetch(&arguments), "raw");
        let of_rows = raw.iter().filter(|line| line["collector"] == "rows");
        of_rows
            .flat_map(|line| line["nodes"].as_array().expect("a list").clone())
            .map(|node| node.to_string())
            .collect()
    };
    let complete = pages(
        r#"orderBy: [{identifier: "workflow_definition", direction: ASC}, {identifier: "user", direction: ASC}],"#,
    );
    let all: BTreeSet<&String> = complete.iter().collect();
    assert!(complete.len() > 50 && all.len() == complete.len(), "{} rows", complete.len());
    for order in ["", r#"orderBy: [{identifier: "workflow_definition", direction: ASC}],"#] {
        let found = pages(order);
        assert_eq!(found.len(), complete.len());
        let distinct: BTreeSet<&String> = found.iter().collect();
        assert!(distinct.len() < all.len() && distinct.is_subset(&all), "{order}: {} rows", distinct.len());
    }
}

#[test]
fn single_sessions_of_projects_are_those_on_runners_without_what_people_typed() {
    for release in [Release::V19_1, Release::Newest] {
        let bench = with_small_pages(release);
        let fetched = fetch(&bench, "", "2026-10-28", &["project_sessions"]);
        assert_eq!((fetched.code, bench.gitlab.rejected()), (0, Vec::new()), "{}", fetched.stderr);
        assert!(!String::from_utf8_lossy(&fetched.stdout).contains("typed"));
        let organization = bench.gitlab.organization();
        let expected: BTreeSet<String> = sessions(&bench, "2026-10-28")
            .into_iter()
            .filter(|(_, session)| session.environment == "ambient")
            .filter_map(|(day, session)| {
                let project = &organization.projects[session.project?];
                let user = organization.people[session.person].gid();
                let row = json!([session.id.to_string(), day, session.status, user, project.full_path]);
                (!project.archived).then(|| row.to_string())
            })
            .collect();
        let lines = lines_of(&bench.normalize(&fetched.stdout), "agent_session");
        let found: BTreeSet<String> = lines
            .iter()
            .map(|line| {
                let day = &line["created_at"].as_str().expect("text")[..10];
                json!([line["session"], day, line["status"], line["user"], line["project"]]).to_string()
            })
            .collect();
        assert!(expected.len() > 10 && lines.len() == found.len(), "{}", lines.len());
        assert_eq!(found, expected, "{release}");
    }
}
