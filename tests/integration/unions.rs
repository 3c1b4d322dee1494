//! Unions of scopes, collectors and GitLabs, with minimal streams.

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::stream::{Stream, day, line, line_of};

fn days(first: &str, last: &str) -> Vec<NaiveDate> {
    day(first).iter_days().take_while(|other| *other <= day(last)).collect()
}

/// Value and coverage of the union over a month.
fn value_and_coverage_of_union<'a>(lines: &'a [Value], metric: &str, start: &str) -> (&'a Value, &'a Value) {
    let line = line_of(lines, "*", metric, "month", start, &json!({}));
    (&line["value"], &line["coverage"])
}

#[test]
fn the_union_of_two_gitlabs_contains_both_even_if_one_has_only_an_export() {
    let mut stream = Stream::default();
    stream.cover_scope("usage_events", "acme", days("2026-10-01", "2026-10-31"));
    stream.event("ana", day("2026-10-10"), "request_duo_chat_response");
    for number in 0..7 {
        let of_other = json!({"instance": "https://gitlab.other.example"});
        stream.add_exported("snowplow", "/", &format!("hash{number}"), day("2026-10-10"), of_other);
    }
    let lines = stream.metrics(day("2026-10-31"), &[]);
    // One day of the other GitLab is known, and its completeness is unknown.
    assert_eq!(value_and_coverage_of_union(&lines, "users.active", "2026-10-01"), (&json!(8), &json!(0.0)));
    assert_eq!(value_and_coverage_of_union(&lines, "chat.messages", "2026-10-01"), (&json!(8), &json!(0.0)));
    let own = line(&lines, "users.active", "month", "2026-10-01", &json!({}));
    assert_eq!((&own["value"], &own["coverage"]), (&json!(1), &json!(1.0)));
}

#[test]
fn metrics_that_one_gitlab_lacks_are_incomplete_in_the_union() {
    let mut stream = Stream::default();
    stream.cover_scope("merge_requests", "acme", days("2026-10-01", "2026-10-31"));
    let opened = json!({"type": "merge_request", "project": "acme/web", "iid": "1", "author": "ana", "bot": false,
        "state": "opened", "created_at": "2026-10-10T10:00:00Z", "merged_at": null, "additions": 1, "deletions": 0});
    stream.add("merge_requests", "acme", day("2026-10-10"), opened);
    stream.add(
        "dora",
        "acme",
        day("2026-10-31"),
        json!({"type": "dora", "measure": "deployment_frequency",
        "period": "2026-10-01", "value": 2.5}),
    );
    let of_other = json!({"instance": "https://gitlab.other.example"});
    stream.add_exported("snowplow", "/", "hash", day("2026-10-10"), of_other);
    let lines = stream.metrics(day("2026-10-31"), &[]);
    assert_eq!(
        value_and_coverage_of_union(&lines, "merge_requests.opened", "2026-10-01"),
        (&json!(1), &json!(0.0))
    );
    let dora = line_of(&lines, "*", "dora.deployment_frequency", "month", "2026-10-01", &json!({}));
    assert_eq!((&dora["value"], &dora["reason"]), (&Value::Null, &json!("not_in_source")));
}

#[test]
fn a_wider_scope_does_not_remove_earlier_days() {
    let mut stream = Stream::default();
    for scope in ["acme", "globex"] {
        stream.cover_scope("usage_events", scope, days("2026-07-01", "2026-10-31"));
    }
    stream.cover_scope("instance_usage_events", "/", days("2026-10-01", "2026-10-31"));
    let mut tell = |collector: &str, scope: &str, user: &str, on: NaiveDate| {
        let fields = json!({"type": "event", "ts": format!("{on}T10:00:00Z"), "event": "troubleshoot_job",
            "feature": "troubleshoot_job", "user": user});
        stream.add(collector, scope, on, fields);
    };
    for (scope, user) in [("acme", "ana"), ("globex", "bo")] {
        for month in ["07", "08", "09", "10"] {
            tell("usage_events", scope, user, day(&format!("2026-{month}-10")));
        }
        tell("instance_usage_events", "/", user, day("2026-10-10"));
    }
    tell("instance_usage_events", "/", "chidi", day("2026-10-11"));
    let lines = stream.metrics(day("2026-10-31"), &[]);
    // The instance is not known before October.
    assert_eq!(value_and_coverage_of_union(&lines, "users.active", "2026-07-01"), (&json!(2), &json!(0.0)));
    assert_eq!(
        value_and_coverage_of_union(&lines, "troubleshoot.requests", "2026-09-01"),
        (&json!(2), &json!(0.0))
    );
    assert_eq!(value_and_coverage_of_union(&lines, "users.active", "2026-10-01"), (&json!(3), &json!(1.0)));
    assert_eq!(
        value_and_coverage_of_union(&lines, "troubleshoot.requests", "2026-10-01"),
        (&json!(3), &json!(1.0))
    );
}

#[test]
fn a_subgroup_and_later_its_group_add_up() {
    let mut stream = Stream::default();
    for (scope, first, last) in
        [("acme/web", "2026-08-01", "2026-09-30"), ("acme", "2026-10-01", "2026-10-31")]
    {
        for on in days(first, last) {
            stream.add(
                "credits",
                scope,
                on,
                json!({"type": "credit", "date": on.to_string(), "credits": 2.0}),
            );
        }
        stream.cover_scope("usage_events", scope, days(first, last));
        stream.cover_scope("merge_requests", scope, days(first, last));
        let on = day(last);
        stream.add(
            "merge_requests",
            scope,
            on,
            json!({"type": "merge_request", "project": "acme/web/ui", "iid": last,
            "author": "ana", "bot": false, "state": "opened", "created_at": format!("{last}T10:00:00Z"),
            "merged_at": null, "additions": 1, "deletions": 0}),
        );
        stream.add_exported(
            "snowplow",
            scope,
            "hash",
            on,
            json!({"event": "duo_workflow_tool_success", "tool": "grep"}),
        );
    }
    // One day has both: the wider scope counts.
    let both = day("2026-10-31");
    stream.add_exported(
        "internal_events",
        "acme/web",
        "hash",
        both,
        json!({"event": "duo_workflow_tool_success"}),
    );
    stream.add(
        "credits",
        "acme/web",
        both,
        json!({"type": "credit", "date": both.to_string(), "credits": 1.5}),
    );
    let lines = stream.metrics(both, &[]);
    assert_eq!(
        value_and_coverage_of_union(&lines, "agents.credits", "2026-08-01"),
        (&json!(62.0), &json!(0.0))
    );
    assert_eq!(
        value_and_coverage_of_union(&lines, "agents.credits", "2026-10-01"),
        (&json!(62.0), &json!(1.0))
    );
    for start in ["2026-09-01", "2026-10-01"] {
        assert_eq!(value_and_coverage_of_union(&lines, "merge_requests.opened", start).0, 1);
        assert_eq!(value_and_coverage_of_union(&lines, "agents.tool_calls", start).0, 1, "{start}");
    }
}

#[test]
fn exports_of_disjoint_groups_add_up_but_not_of_nested_ones() {
    for (other, calls) in [("globex", 5), ("acme/web", 3)] {
        let mut stream = Stream::default();
        for (collector, scope, count) in [("snowplow", other, 2), ("service_log", "acme", 3)] {
            for number in 0..count {
                let user = format!("{collector}{number}");
                let call = json!({"event": "duo_workflow_tool_success", "tool": "grep"});
                stream.add_exported(collector, scope, &user, day("2026-10-20"), call);
            }
        }
        let lines = stream.metrics(day("2026-10-31"), &[]);
        for metric in ["agents.tool_calls", "events.count", "users.exposed"] {
            assert_eq!(
                value_and_coverage_of_union(&lines, metric, "2026-10-01").0,
                calls,
                "{metric} beside {other}"
            );
        }
    }
}

#[test]
fn an_export_does_not_fill_days_of_a_gitlab_with_its_own_usage_data() {
    let mut stream = Stream::default();
    let missing = day("2026-10-20");
    let known = days("2026-09-01", "2026-10-31").into_iter().filter(|day| *day != missing);
    stream.cover_scope("usage_events", "acme", known);
    stream.event("gid://gitlab/User/42", day("2026-10-10"), "request_duo_chat_response");
    stream.add_exported("snowplow", "acme", "ff00", missing, json!({}));
    stream.add_exported(
        "snowplow",
        "acme",
        "ff00",
        missing,
        json!({"event": "duo_workflow_tool_success", "tool": "grep"}),
    );
    let lines = stream.metrics(day("2026-10-31"), &[]);
    let of = |metric: &str| line(&lines, metric, "month", "2026-10-01", &json!({}));
    assert_eq!(
        (&of("users.active")["value"], &of("users.active")["coverage"]),
        (&json!(1), &json!(30.0 / 31.0))
    );
    assert_eq!((&of("chat.users")["value"], &of("chat.messages")["value"]), (&json!(1), &json!(1)));
    assert_eq!(of("agents.tool_calls")["value"], 1, "agents still count");
    // Before the first day with GitLab's own events, the export counts.
    stream.add_exported("snowplow", "acme", "ff00", day("2026-08-10"), json!({}));
    let earlier = stream.metrics(day("2026-08-31"), &[]);
    assert_eq!(line(&earlier, "users.active", "month", "2026-08-01", &json!({}))["value"], 1);
    let later = stream.metrics(day("2026-10-31"), &[]);
    assert!(!later.iter().any(|line| line["metric"] == "users.active" && line["start"] == "2026-08-01"));
}
