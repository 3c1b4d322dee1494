//! GitLab Credits against the commitment, with manually calculated values.

use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use crate::stream::{Stream, before, day, days_between, line};

/// The last day with credits, a Wednesday.
const LAST: &str = "2026-10-14";

fn credits_on(day: NaiveDate) -> f64 {
    if day.weekday().number_from_monday() <= 5 { 10.0 } else { 1.0 }
}

/// The metric lines of October 2026: 10 credits on each working day and 1 on each other day since 7
/// August, without the days `missing`, and this balance. 104 credits are used by the 14th; the month
/// has 22 working days and 9 others.
fn october(balance: Value, missing: &[&str]) -> Vec<Value> {
    let last = day(LAST);
    let mut stream = Stream { fetched: Some("2026-10-16T03:00:00Z"), ..Stream::default() };
    for on in days_between(before(last, 68), last).filter(|on| !missing.contains(&&*on.to_string())) {
        let fields = json!({"type": "credit", "date": on.to_string(), "credits": credits_on(on)});
        stream.add("credits", "acme", on, fields);
    }
    let mut fields = json!({"type": "credit_month", "start": "2026-10-01", "end": "2026-10-15",
        "used": 104.0, "commitment": 150.0, "commitment_used": 104.0, "waiver": null,
        "waiver_used": null, "overage_used": 0.0, "overage_allowed": true, "active_users": 12,
        "blocked_users": 3, "subscription_cap": null, "user_cap": null, "last_event_at": null});
    fields.as_object_mut().expect("an object").extend(balance.as_object().expect("an object").clone());
    stream.add("credit_months", "acme", last, fields);
    stream.metrics(last, &[])
}

fn of<'a>(lines: &'a [Value], metric: &str, by: &Value) -> &'a Value {
    line(lines, metric, "month", "2026-10-01", by)
}

/// Value and reason of the run-out day, the same for each quantile.
fn run_out(lines: &[Value]) -> (Value, Value) {
    let found = ["p10", "p50", "p90"].map(|stat| {
        let line = of(lines, "credits.run_out_on", &json!({"stat": stat}));
        (line["value"].clone(), line["reason"].clone())
    });
    assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
    found[0].clone()
}

#[test]
fn a_month_of_equal_weeks_ends_and_runs_out_as_its_days_add_up() {
    let lines = october(json!({}), &[]);
    let forecast = of(&lines, "credits.forecast", &json!({"stat": "p10"}));
    assert_eq!((&forecast["value"], &forecast["people"]), (&json!(229.0), &json!(12)));
    assert_eq!(forecast["coverage"], 14.0 / 31.0);
    for (metric, value) in [
        ("credits.used", 104.0),
        ("credits.commitment", 150.0),
        ("credits.overage", 0.0),
        ("credits.people_over_cap", 3.0),
    ] {
        let line = of(&lines, metric, &json!({}));
        assert_eq!((line["value"].as_f64(), line["coverage"].as_f64()), (Some(value), Some(15.0 / 31.0)));
    }
    let waiver = of(&lines, "credits.waiver", &json!({}));
    assert_eq!((&waiver["value"], &waiver["reason"]), (&Value::Null, &json!("not_in_source")));
    for (balance, expected) in [
        (json!({}), 21),
        // The waiver follows the commitment.
        (json!({"waiver": 10.0, "waiver_used": 0.0}), 22),
        // Half of the credits are not billed.
        (json!({"commitment": 75.0, "commitment_used": 52.0}), 21),
        // GitLab's balance is newer than the last known day: used up, or not yet.
        (json!({"used": 155.0, "commitment_used": 150.0, "overage_used": 5.0}), 15),
        (json!({"commitment": 108.0, "last_event_at": "2026-10-16T01:00:00Z"}), 16),
    ] {
        let lines = october(balance.clone(), &[]);
        assert_eq!(run_out(&lines), (json!(expected), Value::Null), "{balance}");
    }
}

#[test]
fn without_a_commitment_or_its_use_there_is_no_day() {
    for (balance, reason) in [
        (json!({"commitment": null, "commitment_used": null}), "no_commitment"),
        (json!({"commitment": 0.0, "commitment_used": 0.0}), "no_commitment"),
        (json!({"commitment": 300.0}), "not_reached"),
        (json!({"commitment_used": null}), "not_in_source"),
        (json!({"waiver": 10.0}), "not_in_source"),
        (json!({"used": null}), "not_in_source"),
        // So far everything was included with the seats.
        (json!({"commitment_used": 0.0}), "too_few"),
    ] {
        let lines = october(balance.clone(), &[]);
        assert_eq!(run_out(&lines), (Value::Null, json!(reason)), "{balance}");
        let forecast = of(&lines, "credits.forecast", &json!({"stat": "p50"}));
        assert_eq!(forecast["value"], 229.0, "{balance}");
    }
    let without = october(json!({"commitment": null}), &[]);
    let commitment = of(&without, "credits.commitment", &json!({}));
    assert_eq!((&commitment["value"], &commitment["reason"]), (&Value::Null, &json!("no_commitment")));
}

#[test]
fn a_missing_day_of_the_month_is_not_guessed() {
    let lines = october(json!({}), &["2026-10-07"]);
    assert_eq!(run_out(&lines), (Value::Null, json!("period_incomplete")));
    let forecast = of(&lines, "credits.forecast", &json!({"stat": "p50"}));
    assert_eq!((&forecast["value"], &forecast["reason"]), (&Value::Null, &json!("period_incomplete")));
    assert_eq!(of(&lines, "credits.used", &json!({}))["value"], 104.0, "GitLab's own sum stays");
    let of_september = october(json!({}), &["2026-09-16"]);
    assert_eq!(run_out(&of_september), (json!(21), Value::Null), "a day before the month may be missing");
}

#[test]
fn credits_of_a_flow_that_is_missing_are_not_called_without_flow() {
    let mut stream = Stream::default();
    // A day with credits that have no flow, and the same day without what has to tell.
    let days = ["2026-10-13", LAST].map(day);
    for on in days {
        for (flow, credits) in [(None, 10.0), (Some("developer"), 7.0)] {
            let fields = json!({"type": "credit", "date": on.to_string(), "flow": flow, "credits": credits});
            stream.add("credits", "acme", on, fields);
        }
    }
    stream.partial_of(&["credits"], days[1]);
    let lines = stream.metrics(days[1], &[]);
    let of = |by: &Value| of(&lines, "agents.credits", by)["value"].clone();
    assert_eq!(of(&json!({})), 20.0);
    assert_eq!(of(&json!({"flow": "developer"})), 14.0);
    assert_eq!(of(&json!({"flow": "(none)"})), 3.0);
}
