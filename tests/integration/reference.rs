//! The second calculation: every metric line once more, slowly and obviously, from the invented organisation
//! itself. It shares nothing with the program but the definitions in words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Timelike, Utc};
use serde_json::{Value, json};

use crate::stand_in::{Organisation, Person, UsageEvent};

/// What a run collected, as the reference sees it.
pub(crate) struct Collected<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) since: NaiveDate,
    pub(crate) until: NaiveDate,
    pub(crate) fetched_at: DateTime<Utc>,
    /// The days on which the list of seats was taken, one after the other; see [`Collected::lists_of`].
    pub(crate) seat_lists: Vec<NaiveDate>,
    /// Days of the range whose usage events did not arrive, and of which nobody heard.
    pub(crate) missing: BTreeSet<NaiveDate>,
    /// Days whose usage events broke off at noon, but for those that another collector brings too.
    pub(crate) damaged: BTreeSet<NaiveDate>,
    /// People who were taken for bots for a while; see [`mistaken_for_bots`].
    pub(crate) mistaken: Mistaken,
}

/// People who were bots by what GitLab told from one day on, until it told otherwise on another one.
pub(crate) type Mistaken = BTreeMap<usize, (NaiveDate, NaiveDate)>;

/// Some people, of whom the records of a while say that they are bots. They have events before that, and on the days on which
/// that begins and ends.
pub(crate) fn mistaken_for_bots(organisation: &Organisation, since: NaiveDate, groups: &[&str]) -> Mistaken {
    let groups: Vec<usize> = groups.iter().filter_map(|group| organisation.group(group)).collect();
    let mut days: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for event in organisation.usage_events.iter().filter(|event| groups.contains(&event.group)) {
        let day = event.timestamp.date_naive();
        if (since..=organisation.last_day).contains(&day) {
            days.entry(event.person).or_default().insert(day);
        }
    }
    let is_chosen = |person: usize| person % 5 == 1 && !organisation.people[person].bot;
    let chosen = days.into_iter().filter(|(person, days)| is_chosen(*person) && days.len() > 5);
    chosen
        .map(|(person, days)| {
            let days = Vec::from_iter(days);
            (person, (days[2], days[days.len() * 2 / 3]))
        })
        .collect()
}

impl Collected<'_> {
    /// Whether somebody is a bot on a day by the newest record up to it.
    fn is_bot(&self, person: usize, day: NaiveDate) -> bool {
        let is_mistaken = self.mistaken.get(&person).is_some_and(|(from, to)| (*from..*to).contains(&day));
        self.organisation.people[person].bot || is_mistaken
    }

    fn is_of_bot(&self, event: &UsageEvent) -> bool {
        self.is_bot(event.person, event.timestamp.date_naive())
    }

    fn in_range(&self, day: NaiveDate) -> bool {
        (self.since..=self.until).contains(&day)
    }

    /// Whether the usage of the day is known.
    fn knows(&self, day: NaiveDate) -> bool {
        self.in_range(day) && !self.missing.contains(&day)
    }

    /// Whether all usage of the day is known.
    fn knows_whole(&self, day: NaiveDate) -> bool {
        self.knows(day) && !self.damaged.contains(&day)
    }

    /// Whether the event arrived.
    fn has(&self, event: &UsageEvent) -> bool {
        let day = event.timestamp.date_naive();
        let is_lost = self.damaged.contains(&day) && event.timestamp.hour() >= 12;
        self.knows(day) && (!is_lost || event.is_code_suggestion())
    }

    /// Who has a seat of these groups, by list. There are no people on a list of an add-on that is for everybody.
    fn lists_of(&self, groups: &[usize]) -> Vec<(NaiveDate, BTreeSet<usize>)> {
        let people = || self.organisation.people.iter().enumerate();
        let pools = || self.organisation.add_on_purchases.iter().filter(|pool| groups.contains(&pool.group));
        let list = |day: &NaiveDate| -> BTreeSet<usize> {
            let holders = people().filter(|(place, person)| {
                !self.is_bot(*place, *day)
                    && is_on_list(self.organisation, &self.seat_lists, *day, *place)
                    && pools().any(|pool| pool.is_held_by(person))
            });
            holders.map(|(place, _)| place).collect()
        };
        let lists = self.seat_lists.iter().map(|day| (*day, list(day)));
        lists.filter(|(_, holders)| !holders.is_empty()).collect()
    }

    /// Whether all usage of every day of the period is known: whoever is in what broke off could be anybody.
    fn knows_all(&self, period: Period) -> bool {
        days(period).into_iter().all(|day| self.knows_whole(day))
    }
}

/// Whether whoever has a seat today was on the list of a day: of those before the last one, people who were not there yet
/// are not on it, and on the second one some are missing who are on the others.
pub(crate) fn is_on_list(
    organisation: &Organisation,
    lists: &[NaiveDate],
    day: NaiveDate,
    person: usize,
) -> bool {
    let is_last = lists.last() == Some(&day);
    let is_missing = lists.get(1) == Some(&day) && person % 5 == 2;
    is_last || (organisation.people[person].joined <= day && !is_missing)
}

/// Metric lines by what they speak of; see [`key`].
pub(crate) type Lines = BTreeMap<String, Value>;

/// What tells one metric line from another.
pub(crate) fn key(line: &Value) -> String {
    let by = line["by"]
        .as_object()
        .expect("by is an object")
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().expect("text")));
    let by: Vec<String> = by.collect();
    let text = |name: &str| line[name].as_str().expect("text");
    let population = line[POPULATION].as_str().unwrap_or_default();
    let by = by.join(",");
    format!("{} {} {} {} {population} {by}", text("metric"), text("scope"), text("grain"), text("start"))
}

#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) grain: &'static str,
    pub(crate) start: NaiveDate,
    pub(crate) end: NaiveDate,
}

/// Takes a number of a metric by dimensions.
pub(crate) type Put<'a> = dyn FnMut(&str, &[(&str, &str)], Number) + 'a;

/// The same for a metric that looks at other days than those of its period: at these stretches.
type PutOver<'a> = dyn FnMut(&str, &[(&str, &str)], &[Period], Number) + 'a;

/// A number on its way to a line.
pub(crate) struct Number {
    pub(crate) value: Value,
    pub(crate) n: Value,
    pub(crate) of: Value,
    pub(crate) people: Value,
    pub(crate) basis: Value,
    pub(crate) reason: Value,
}

const FEATURES: &[(&str, &[&str])] = &[
    (
        "code_suggestions",
        &[
            "CODE_SUGGESTIONS_REQUESTED",
            "CODE_SUGGESTION_SHOWN_IN_IDE",
            "CODE_SUGGESTION_ACCEPTED_IN_IDE",
            "CODE_SUGGESTION_REJECTED_IN_IDE",
            "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
        ],
    ),
    (
        "chat",
        &[
            "REQUEST_DUO_CHAT_RESPONSE",
            "COMPLETE_DUO_CHAT_RESPONSE",
            "REPORT_DUO_CHAT_TOKEN_USAGE",
            "TOOL_SUCCEEDED_DUO_CHAT",
            "TOOL_FAILED_DUO_CHAT",
        ],
    ),
    ("troubleshoot_job", &["TROUBLESHOOT_JOB"]),
    (
        "agent_platform",
        &[
            "AGENT_PLATFORM_SESSION_CREATED",
            "AGENT_PLATFORM_SESSION_STARTED",
            "AGENT_PLATFORM_SESSION_FINISHED",
            "AGENT_PLATFORM_SESSION_DROPPED",
            "AGENT_PLATFORM_SESSION_STOPPED",
            "AGENT_PLATFORM_SESSION_RESUMED",
            "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
            "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_UPGRADE",
            "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_LEARN_MORE",
        ],
    ),
    (
        "code_review",
        &[
            "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
            "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
            "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR",
            "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
            "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT",
            "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT",
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR",
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR",
            "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW",
            "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
        ],
    ),
    ("mcp", &["START_MCP_TOOL_CALL", "FINISH_MCP_TOOL_CALL"]),
    ("fix_pipeline", &["FIX_PIPELINE_SUGGESTION_POSTED", "FIX_PIPELINE_SUGGESTION_APPLIED"]),
    ("duo_workflow", &["DUO_WORKFLOW_WORKLOAD_COMPLETED"]),
    ("ai_catalog", &["RESTORE_AI_CATALOG_ITEM"]),
    ("summarize_new_merge_request", &["SUMMARIZE_NEW_MERGE_REQUEST"]),
    ("request_duo_vulnerability_resolution", &["REQUEST_DUO_VULNERABILITY_RESOLUTION"]),
    ("explain_vulnerability", &["EXPLAIN_VULNERABILITY"]),
    ("summarize_review", &["SUMMARIZE_REVIEW"]),
    ("generate_merge_commit_message", &["GENERATE_MERGE_COMMIT_MESSAGE"]),
    ("duo_messaging", &["AI_DUO_MESSAGING_FEEDBACK_SUBMITTED", "TRIGGER_SLACK_DUO"]),
    ("explain_code", &["EXPLAIN_CODE"]),
    ("fix_code", &["FIX_CODE"]),
    ("refactor_code", &["REFACTOR_CODE"]),
    ("write_tests", &["WRITE_TESTS"]),
    ("feature_discovery", &["RESOLVE_FEATURE_DISCOVERY_SEARCH"]),
    ("other", &["TELEPORT_CODE_BEAM"]),
];

/// Events after which somebody is not active: they were only shown something, or it was done for them.
const EXPOSED: &[&str] = &[
    "CODE_SUGGESTIONS_REQUESTED",
    "CODE_SUGGESTION_SHOWN_IN_IDE",
    "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
    "AGENT_PLATFORM_SESSION_FINISHED",
    "AGENT_PLATFORM_SESSION_DROPPED",
    "START_MCP_TOOL_CALL",
    "FINISH_MCP_TOOL_CALL",
    "TOOL_SUCCEEDED_DUO_CHAT",
    "TOOL_FAILED_DUO_CHAT",
    "COMPLETE_DUO_CHAT_RESPONSE",
    "REPORT_DUO_CHAT_TOKEN_USAGE",
    "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
    "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
    "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
    "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
    "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW",
    "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
    "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR",
    "FIX_PIPELINE_SUGGESTION_POSTED",
    "DUO_WORKFLOW_WORKLOAD_COMPLETED",
];

fn feature(event: &str) -> &'static str {
    let found = FEATURES.iter().find(|(_, events)| events.contains(&event));
    found.unwrap_or_else(|| panic!("the reference does not know {event}")).0
}

/// All metric lines of these groups: a scope each, and the union where there are several.
pub(crate) fn metrics(collected: &Collected<'_>, groups: &[&str]) -> Lines {
    let mut lines = Lines::new();
    for group in groups {
        scope(collected, group, &[group], &mut lines);
    }
    if groups.len() > 1 {
        scope(collected, "*", groups, &mut lines);
    }
    lines
}

/// All metric lines of the whole instance, by its own events alone: those outside every group too, and by editor.
pub(crate) fn instance_metrics(collected: &Collected<'_>, with_merge_requests: bool) -> Lines {
    let Collected { organisation, since, until, .. } = *collected;
    let groups: Vec<usize> =
        (0..organisation.groups.len()).filter(|group| organisation.groups[*group].parent.is_none()).collect();
    let mut lines = Lines::new();
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], looked_at: &[Period], number: Number| {
            put_line(collected, "/", period, (metric, by, looked_at, number), &mut lines);
        };
        usage(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        sessions(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        by_editor(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        seats(collected, &groups, period, &mut put);
        engagement(collected, &groups, period, &mut put);
        retention(collected, &groups, period, &mut put);
        if with_merge_requests {
            impact(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        }
        if period.grain == "window" {
            let days = days(period).into_iter().filter(|day| (since..=until).contains(day)).count();
            for (status, days) in [("complete", days), ("not_collected", 28 - days)] {
                if days > 0 {
                    let by = [("collector", "instance_usage_events"), ("status", status)];
                    put("coverage.days", &by, &[period], count(days, None));
                }
            }
        }
    }
    lines
}

/// Puts a line of a period that looks at the days of another one.
fn put_line(
    collected: &Collected<'_>,
    name: &str,
    period: Period,
    (metric, by, looked_at, number): (&str, &[(&str, &str)], &[Period], Number),
    lines: &mut Lines,
) {
    let population = by.iter().find(|(name, _)| *name == POPULATION).map(|(_, value)| *value);
    let by = by.iter().filter(|(name, _)| *name != POPULATION);
    let by: Value = by.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let days: Vec<NaiveDate> = looked_at.iter().flat_map(|stretch| days(*stretch)).collect();
    let of_delivery = ["merge_requests", "pipelines", "dora", "credits", "agents.credits"]
        .iter()
        .any(|name| metric.starts_with(name) || by["collector"] == *name);
    let of_suggestions =
        metric.starts_with("code_suggestions.") || by["collector"] == "code_suggestion_events";
    let is_known = |day: &&NaiveDate| match (metric.starts_with("dora."), of_delivery) {
        // GitLab's own figures of a month speak of all its days up to the last one that was asked for.
        (true, _) => **day <= collected.until,
        (false, true) => collected.in_range(**day),
        (false, false) if of_suggestions => collected.knows(**day),
        (false, false) => collected.knows_whole(**day),
    };
    let known = days.iter().filter(is_known).count();
    let is_settled = |stretch: &Period| {
        let settled = stretch.end.checked_add_days(Days::new(8)).expect("a day");
        collected.fetched_at >= settled.and_hms_opt(0, 0, 0).expect("midnight").and_utc()
    };
    let is_final = known == days.len() && looked_at.iter().all(is_settled);
    let mut line = json!({"metric": metric, "scope": name, "grain": period.grain, "start": period.start.to_string(),
        "end": period.end.to_string(), "by": by, "value": number.value, "n": number.n, "of": number.of,
        "people": number.people, "coverage": known as f64 / days.len() as f64, "basis": number.basis,
        "final": is_final, "reason": number.reason});
    if let Some(population) = population {
        line[POPULATION] = population.into();
    }
    assert!(lines.insert(key(&line), line).is_none(), "twice: {metric} {by:?}");
}

fn scope(collected: &Collected<'_>, name: &str, groups: &[&str], lines: &mut Lines) {
    let Collected { organisation, since, until, .. } = *collected;
    let groups: Vec<usize> =
        groups.iter().map(|group| organisation.group(group).expect("a group of the stand-in")).collect();
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], looked_at: &[Period], number: Number| {
            put_line(collected, name, period, (metric, by, looked_at, number), lines);
        };
        if days(period).into_iter().any(|day| collected.knows(day)) {
            usage(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
            untold_sessions(collected, &groups, period, &mut |metric, by, number| {
                put(metric, by, &[period], number)
            });
            seats(collected, &groups, period, &mut put);
            engagement(collected, &groups, period, &mut put);
            retention(collected, &groups, period, &mut put);
        }
        delivery(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        if days(period).into_iter().any(|day| collected.knows(day)) {
            impact(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        }
        credits(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        if period.grain == "month" {
            dora(collected, &groups, period, &mut |metric, number| put(metric, &[], &[period], number));
        }
        if period.grain == "window" {
            for collector in
                ["usage_events", "code_suggestion_events", "credits", "merge_requests", "pipelines", "dora"]
            {
                let status = |day: &NaiveDate| match collector {
                    "credits" | "merge_requests" | "pipelines" | "dora" if collected.in_range(*day) => {
                        "complete"
                    }
                    "usage_events" if collected.knows(*day) && collected.damaged.contains(day) => "partial",
                    "usage_events" | "code_suggestion_events" if collected.knows(*day) => "complete",
                    _ => "not_collected",
                };
                for name in ["complete", "partial", "not_collected"] {
                    let days = days(period).iter().filter(|day| status(day) == name).count();
                    if days > 0 {
                        let by = [("collector", collector), ("status", name)];
                        put("coverage.days", &by, &[period], count(days, None));
                    }
                }
            }
        }
    }
    let put = |metric: &str,
               grain: &str,
               start: NaiveDate,
               end: NaiveDate,
               coverage: f64,
               by: Value,
               n: u64,
               lines: &mut Lines| {
        let line = json!({"metric": metric, "scope": name, "grain": grain, "start": start.to_string(), "end": end.to_string(),
            "by": by, "value": n, "n": n, "of": null, "people": null, "coverage": coverage, "basis": 1.0, "final": false, "reason": null});
        lines.insert(key(&line), line);
    };
    for (add_on, list) in ["DUO_ENTERPRISE", "CODE_SUGGESTIONS"]
        .into_iter()
        .flat_map(|add_on| collected.seat_lists.iter().map(move |list| (add_on, *list)))
    {
        let pools = organisation
            .add_on_purchases
            .iter()
            .filter(|pool| groups.contains(&pool.group) && pool.add_on.name() == add_on);
        if pools.clone().count() > 0 {
            let purchased: u32 = pools.clone().map(|pool| pool.purchased).sum();
            let is_held = |(place, person): &(usize, &Person)| {
                pools.clone().any(|pool| pool.is_held_by(person))
                    && is_on_list(organisation, &collected.seat_lists, list, *place)
            };
            let assigned = organisation.people.iter().enumerate().filter(is_held).count() as u64;
            let by = json!({"add_on": add_on});
            put("seats.purchased", "day", list, list, 1.0, by.clone(), purchased.into(), lines);
            put("seats.assigned", "day", list, list, 1.0, by, assigned, lines);
        }
    }
    let window = until.checked_sub_days(Days::new(27)).expect("a day");
    // Without ClickHouse GitLab tells no totals, and that is said of each day asked for; of sums it is said once.
    let told = days(Period { grain: "window", start: window, end: until })
        .into_iter()
        .filter(|day| (since..=until).contains(day))
        .count() as u64;
    for (collector, status, days) in [
        ("seats", "complete", collected.seat_lists.iter().filter(|day| **day >= window).count() as u64),
        ("group_tree", "complete", 1),
        ("ai_user_metrics", "denied", 1),
        ("ai_metrics", "denied", told),
        ("ai_metrics", "not_collected", 28 - told),
        ("agent_sessions", "denied", told),
        ("agent_sessions", "not_collected", 28 - told),
    ] {
        if days > 0 {
            let by = json!({"collector": collector, "status": status});
            // The list of the day of the run is of a day after the window.
            let in_window = collected.seat_lists.iter().filter(|day| (window..=until).contains(*day)).count();
            let known = if collector == "seats" { in_window as f64 / 28.0 } else { 0.0 };
            put("coverage.days", "window", window, until, known, by, days, lines);
        }
    }
}

/// What agents are told by, and cannot be: how often a tool was called, and how many tokens of which kind a model used.
const OF_AGENTS: [(&str, Option<&str>); 10] = [
    ("agents.tool_calls", None),
    ("agents.tool_failure_rate", None),
    ("agents.cache_hit_rate", None),
    ("agents.tokens", Some("input")),
    ("agents.tokens", Some("output")),
    ("agents.tokens", Some("cache_read")),
    ("agents.tokens", Some("cache_write_5m")),
    ("agents.tokens", Some("cache_write_1h")),
    ("agents.tokens", Some("cache_write")),
    ("agents.tokens", Some("gitlab_total")),
];

/// Neither groups nor the instance tell of tools and tokens.
fn untold_work(period: Period, put: &mut Put<'_>) {
    for (metric, kind) in OF_AGENTS.iter().filter(|_| period.grain != "day") {
        let by: Vec<(&str, &str)> = kind.map(|kind| ("kind", kind)).into_iter().collect();
        put(metric, &by, unknown("not_in_source"));
    }
}

fn is_of_session(event: &UsageEvent) -> bool {
    event.event.starts_with("AGENT_PLATFORM_SESSION_")
}

/// Groups tell that there are sessions, and not which.
fn untold_sessions(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let mut events = collected.organisation.usage_events.iter();
    if events.any(|event| {
        groups.contains(&event.group) && is_of_session(event) && happened_in(event, period, collected)
    }) {
        put("agents.sessions", &[], unknown("not_in_source"));
        put("agents.users", &[], unknown("not_in_source"));
        if period.grain != "day" {
            put("agents.success_rate", &[], unknown("not_in_source"));
            put("agents.completion_rate", &[], unknown("not_in_source"));
        }
        untold_work(period, put);
    }
}

/// The sessions that the instance tells of.
fn sessions(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    struct Told<'a> {
        flow: &'a str,
        status: &'a str,
        person: usize,
        day: NaiveDate,
        seconds: Option<u64>,
    }
    let organisation = collected.organisation;
    let mut events: BTreeMap<u32, Vec<&UsageEvent>> = BTreeMap::new();
    let arrived = organisation.usage_events.iter().filter(|event| {
        groups.contains(&event.group)
            && is_of_session(event)
            && collected.has(event)
            && event.timestamp.date_naive() <= collected.until
    });
    for event in arrived {
        events.entry(event.session.expect("an event of a session")).or_default().push(event);
    }
    let mut told = Vec::new();
    for (session, mut events) in events {
        events.sort_by_key(|event| event.timestamp);
        if !(period.start..=period.end).contains(&events[0].timestamp.date_naive()) {
            continue;
        }
        let ends = ["FINISHED", "DROPPED", "STOPPED"].map(|name| format!("AGENT_PLATFORM_SESSION_{name}"));
        let end = events.iter().rev().find(|event| ends.iter().any(|end| event.event == end));
        let of = |name: &str| events.iter().find(|event| event.event.ends_with(name));
        let start = of("_CREATED").or(of("_STARTED"));
        told.push(Told {
            flow: organisation.sessions[session as usize].flow_type.trim_end_matches("/v1"),
            status: end.map_or("open", |end| match end.event {
                "AGENT_PLATFORM_SESSION_FINISHED" => "finished",
                "AGENT_PLATFORM_SESSION_DROPPED" => "failed",
                _ => "stopped",
            }),
            person: events[0].person,
            day: events[0].timestamp.date_naive(),
            seconds: start
                .zip(end)
                .filter(|(start, end)| start.timestamp <= end.timestamp)
                .map(|(start, end)| u64::try_from((end.timestamp - start.timestamp).num_milliseconds()))
                .map(|milliseconds| milliseconds.expect("in order")),
        });
    }
    let people = |told: &[&Told<'_>]| {
        let of_people = told.iter().filter(|told| !collected.is_bot(told.person, told.day));
        Some(of_people.map(|told| told.person).collect::<BTreeSet<_>>().len())
    };
    let flows: BTreeSet<&str> = told.iter().map(|told| told.flow).collect();
    for flow in std::iter::once(None).chain(flows.into_iter().map(Some)) {
        let by: Vec<(&str, &str)> = flow.map(|flow| ("flow", flow)).into_iter().collect();
        let told: Vec<&Told<'_>> =
            told.iter().filter(|told| flow.is_none_or(|flow| told.flow == flow)).collect();
        let of = |status: &str| told.iter().copied().filter(|told| told.status == status).collect::<Vec<_>>();
        put("agents.sessions", &by, count(told.len(), people(&told)));
        for status in ["finished", "failed", "stopped", "open"].iter().filter(|status| !of(status).is_empty())
        {
            let by = [&*by, &[("status", *status)]].concat();
            put("agents.sessions", &by, count(of(status).len(), people(&of(status))));
        }
        let users = people(&told).expect("a number");
        put("agents.users", &by, based(count(users, Some(users)), told.len(), told.len()));
        if period.grain == "day" {
            continue;
        }
        let finished = of("finished").len() as f64;
        put("agents.completion_rate", &by, rate(finished, told.len() as f64, people(&told)));
        if flow != Some("chat") {
            let ended: Vec<&Told<'_>> =
                told.iter().copied().filter(|told| told.flow != "chat" && told.status != "open").collect();
            let finished = ended.iter().filter(|told| told.status == "finished").count();
            put("agents.success_rate", &by, rate(finished as f64, ended.len() as f64, people(&ended)));
        }
        let ended: Vec<&Told<'_>> = told.iter().copied().filter(|told| told.status != "open").collect();
        let timed: Vec<&Told<'_>> = ended.iter().copied().filter(|told| told.seconds.is_some()).collect();
        let times = timed.iter().filter_map(|told| told.seconds).collect();
        quantiles("agents.duration_seconds", &by, times, people(&timed), &mut |metric, by, number| {
            let in_seconds = number.value.as_u64().map(|value| json!(value as f64 / 1000.0));
            let number = Number { value: in_seconds.unwrap_or(Value::Null), ..number };
            put(metric, by, based(number, timed.len(), ended.len()));
        });
        for stat in ["active", "active_p95"] {
            let by = [&*by, &[("stat", stat)]].concat();
            let none = Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") };
            put("agents.duration_seconds", &by, based(none, 0, ended.len()));
        }
    }
    if !told.is_empty() {
        untold_work(period, put);
    }
}

/// GitLab Credits: a session is charged when it was created.
fn credits(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    if !["day", "month"].contains(&period.grain) {
        return;
    }
    // Of each day, group and product: hundredths, and the flows they were used by.
    let mut used: BTreeMap<(NaiveDate, usize, &str), (u32, BTreeSet<&str>)> = BTreeMap::new();
    for session in &collected.organisation.sessions {
        let Some(created_at) = session.created_at else { continue };
        if !groups.contains(&session.group) || !was_in(created_at, period, collected) {
            continue;
        }
        let product = match session.flow_type {
            "chat" => "duo_agentic_chat",
            "code_review/v1" => "code_review",
            _ => "duo_agent_platform",
        };
        for product in ["", product] {
            let (sum, flows) = used.entry((created_at.date_naive(), session.group, product)).or_default();
            *sum += session.credits;
            flows.insert(session.flow_type.trim_end_matches("/v1"));
        }
    }
    let mut days_of: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    // What of a day and group is of no flow that is told.
    let mut rests: BTreeMap<(NaiveDate, usize), u32> = BTreeMap::new();
    for ((day, group, product), (sum, flows)) in &used {
        let place = if product.is_empty() { ("", "") } else { ("product", *product) };
        if !product.is_empty() && flows.len() > 1 {
            *rests.entry((*day, *group)).or_default() += sum;
        }
        days_of.entry(place).or_default().push(*sum);
        // A product of a single flow is told as that flow's.
        if !product.is_empty()
            && let [flow] = Vec::from_iter(flows)[..]
        {
            days_of.entry(("flow", flow)).or_default().push(*sum);
        }
    }
    if days_of.keys().any(|(dimension, _)| *dimension == "flow") && !rests.is_empty() {
        days_of.insert(("flow", "(none)"), rests.into_values().collect());
    }
    for ((dimension, name), days) in days_of {
        let by: Vec<(&str, &str)> =
            Some((dimension, name)).filter(|(dimension, _)| !dimension.is_empty()).into_iter().collect();
        let sum: u32 = days.iter().sum();
        let number = count(days.len(), None);
        put("agents.credits", &by, Number { value: json!(f64::from(sum) / 100.0), ..number });
    }
}

fn usage(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organisation = collected.organisation;
    let events: Vec<&UsageEvent> = organisation
        .usage_events
        .iter()
        .filter(|event| groups.contains(&event.group) && happened_in(event, period, collected))
        .collect();
    let is_bot = |event: &&UsageEvent| collected.is_of_bot(event);
    let is_active = |event: &&UsageEvent| !EXPOSED.contains(&event.event);
    let people_of = |events: &mut dyn Iterator<Item = &UsageEvent>| -> usize {
        events
            .filter(|event| !collected.is_of_bot(event))
            .map(|event| event.person)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let bots_of = |events: &mut dyn Iterator<Item = &UsageEvent>| -> usize {
        events
            .filter(|event| collected.is_of_bot(event))
            .map(|event| event.person)
            .collect::<BTreeSet<_>>()
            .len()
    };

    let active: Vec<&UsageEvent> = events.iter().copied().filter(is_active).collect();
    for (metric, events) in [("users.active", &active), ("users.exposed", &events)] {
        let people = people_of(&mut events.iter().copied());
        put(metric, &[], count(people, Some(people)));
        put(metric, &[("kind", "person")], count(people, Some(people)));
        put(metric, &[("kind", "bot")], count(bots_of(&mut events.iter().copied()), None));
        for (feature_name, _) in FEATURES {
            let people =
                people_of(&mut events.iter().copied().filter(|event| feature(event.event) == *feature_name));
            if people > 0 {
                put(metric, &[("feature", feature_name)], count(people, Some(people)));
            }
        }
    }
    let active_people = people_of(&mut active.iter().copied());
    if ["month", "window"].contains(&period.grain) {
        let working: Vec<NaiveDate> = days(period)
            .into_iter()
            .filter(|day| collected.knows_whole(*day) && day.weekday().number_from_monday() <= 5)
            .collect();
        let daily: usize = working
            .iter()
            .map(|day| {
                people_of(&mut active.iter().copied().filter(|event| event.timestamp.date_naive() == *day))
            })
            .sum();
        let mean = daily as f64 / working.len() as f64;
        put(
            "users.stickiness",
            &[],
            Number { n: json!(mean), ..rate(mean, active_people as f64, Some(active_people)) },
        );
    }

    let all_people = people_of(&mut events.iter().copied());
    put("events.count", &[], count(events.len(), Some(all_people)));
    let by_bots = events.iter().filter(|event| is_bot(event)).count();
    put("events.count", &[("kind", "person")], count(events.len() - by_bots, Some(all_people)));
    put("events.count", &[("kind", "bot")], count(by_bots, None));
    for (feature_name, names) in FEATURES {
        let of_feature: Vec<&UsageEvent> =
            events.iter().copied().filter(|event| names.contains(&event.event)).collect();
        if !of_feature.is_empty() {
            put(
                "events.count",
                &[("feature", feature_name)],
                count(of_feature.len(), Some(people_of(&mut of_feature.iter().copied()))),
            );
        }
        for name in *names {
            let of_name: Vec<&UsageEvent> =
                of_feature.iter().copied().filter(|event| event.event == *name).collect();
            if !of_name.is_empty() {
                let number = || count(of_name.len(), Some(people_of(&mut of_name.iter().copied())));
                put("events.count", &[("event", &name.to_lowercase())], number());
                put("events.count", &[("feature", feature_name), ("event", &name.to_lowercase())], number());
            }
        }
    }

    suggestions(&events, &[], &people_of, put);
    let languages: BTreeSet<String> =
        events.iter().filter(|event| event.is_code_suggestion()).map(|event| language(event)).collect();
    for name in languages {
        let of_language: Vec<&UsageEvent> = events
            .iter()
            .copied()
            .filter(|event| event.is_code_suggestion() && language(event) == name)
            .collect();
        let told = |event: &&&UsageEvent| {
            [
                "CODE_SUGGESTION_SHOWN_IN_IDE",
                "CODE_SUGGESTION_ACCEPTED_IN_IDE",
                "CODE_SUGGESTION_REJECTED_IN_IDE",
            ]
            .contains(&event.event)
        };
        if of_language.iter().filter(told).count() > 0 {
            suggestions(&of_language, &[("language", &name)], &people_of, put);
        }
    }

    let chat: Vec<&UsageEvent> =
        events.iter().copied().filter(|event| event.event == "REQUEST_DUO_CHAT_RESPONSE").collect();
    let people = people_of(&mut chat.iter().copied());
    put("chat.messages", &[], count(chat.len(), Some(people)));
    put("chat.users", &[], count(people, Some(people)));
    let messages = chat.iter().filter(|event| !is_bot(event)).count();
    put("chat.messages_per_user", &[], rate(messages as f64, people as f64, Some(people)));
    let troubleshoot: Vec<&UsageEvent> =
        events.iter().copied().filter(|event| event.event == "TROUBLESHOOT_JOB").collect();
    let people = people_of(&mut troubleshoot.iter().copied());
    put("troubleshoot.requests", &[], count(troubleshoot.len(), Some(people)));
    put("troubleshoot.users", &[], count(people, Some(people)));

    if ["month", "window"].contains(&period.grain) {
        let messages_of =
            |person: usize| chat.iter().filter(|event| event.person == person && !is_bot(event)).count();
        let askers: BTreeSet<usize> =
            chat.iter().filter(|event| !is_bot(event)).map(|event| event.person).collect();
        for (band, from, to) in [("1-4", 1, 4), ("5-19", 5, 19), ("20-49", 20, 49), ("50+", 50, usize::MAX)] {
            let people = askers.iter().filter(|person| (from..=to).contains(&messages_of(**person))).count();
            put("chat.user_bands", &[("band", band)], count(people, Some(people)));
        }
    }

    for (metric, kinds) in [
        (
            "code_review.requests",
            vec![
                ("author", "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR"),
                ("other", "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR"),
            ],
        ),
        ("code_review.comments", vec![("posted", "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF")]),
        (
            "code_review.reactions",
            vec![
                ("thumbs_up", "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT"),
                ("thumbs_down", "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT"),
            ],
        ),
    ] {
        let of = |names: &[&str]| {
            let found: Vec<&UsageEvent> =
                events.iter().copied().filter(|event| names.contains(&event.event)).collect();
            count(found.len(), Some(people_of(&mut found.iter().copied())))
        };
        put(metric, &[], of(&kinds.iter().map(|(_, name)| *name).collect::<Vec<_>>()));
        for (kind, name) in kinds {
            put(metric, &[("kind", kind)], of(&[name]));
        }
    }

    if period.grain != "day" {
        let elsewhere = ["code_suggestions", "chat", "troubleshoot_job", "code_review", "agent_platform"];
        for (feature_name, names) in FEATURES.iter().filter(|(name, _)| !elsewhere.contains(name)) {
            let all: Vec<&str> = names.to_vec();
            for name in std::iter::once(None).chain(all.iter().copied().map(Some)) {
                let found: Vec<&UsageEvent> = events
                    .iter()
                    .copied()
                    .filter(|event| all.contains(&event.event) && name.is_none_or(|name| event.event == name))
                    .collect();
                let event_name = name.map(str::to_lowercase);
                let splits: Vec<Vec<(&str, &str)>> = match &event_name {
                    None => vec![vec![("feature", feature_name)]],
                    Some(name) => {
                        vec![vec![("event", name)], vec![("feature", feature_name), ("event", name)]]
                    }
                };
                for by in splits.iter().filter(|_| !found.is_empty()) {
                    let people = people_of(&mut found.iter().copied());
                    put("workflow.events", by, count(found.len(), Some(people)));
                    put("workflow.users", by, count(people, Some(people)));
                }
            }
        }
    }
}

/// The days of everybody with an event, deliberate or not, of those known.
fn days_of_everybody(
    collected: &Collected<'_>,
    groups: &[usize],
    deliberate: bool,
) -> BTreeMap<usize, BTreeSet<NaiveDate>> {
    let mut days: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for event in &collected.organisation.usage_events {
        let day = event.timestamp.date_naive();
        let counts = !deliberate || !EXPOSED.contains(&event.event);
        // What a bot does is no activity of a person; but its account is in use.
        let counts = counts && !(deliberate && collected.is_of_bot(event));
        if counts && groups.contains(&event.group) && collected.has(event) {
            days.entry(event.person).or_default().insert(day);
        }
    }
    days
}

/// Rates of seats.
fn seats(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if period.grain == "day" {
        return;
    }
    let organisation = collected.organisation;
    let holders = holders(collected, groups, period);
    let any = days_of_everybody(collected, groups, false);
    let deliberate = days_of_everybody(collected, groups, true);
    let days_of = |person: usize, is_deliberate: bool| -> BTreeSet<NaiveDate> {
        let days = if is_deliberate { &deliberate } else { &any };
        days.get(&person).cloned().unwrap_or_default()
    };
    let share = |counted: &dyn Fn(usize) -> bool| match &holders {
        None => unknown("no_snapshot"),
        Some(holders) => {
            let found = holders.iter().filter(|person| counted(**person)).count();
            rate(found as f64, holders.len() as f64, Some(found))
        }
    };
    let is_in = |day: &NaiveDate| (period.start..=period.end).contains(day);
    put("seats.active", &[], &[period], share(&|person| days_of(person, true).iter().any(is_in)));
    if period.grain == "window" {
        let since = if holders.is_none() { period.start } else { collected.since };
        let ever = Period { start: period.start.min(since), ..period };
        // The lists up to the one that counts, and since which of them somebody is on every one.
        let lists = collected.lists_of(groups);
        let until = list_of(collected, groups, period).map(|(day, _)| day);
        let had_since = |person: usize| {
            let up_to = lists.iter().filter(|(day, _)| Some(*day) <= until).rev();
            let unbroken = up_to.take_while(|(_, holders)| holders.contains(&person));
            unbroken.last().map(|(day, _)| *day).expect("somebody on the list that counts")
        };
        let is_activated = |person: usize| {
            let since = had_since(person);
            let is_as_old_as_the_lists = since == lists[0].0;
            days_of(person, true).iter().any(|day| is_as_old_as_the_lists || *day >= since)
        };
        put("seats.activated", &[], &[ever], share(&is_activated));
        for (tier, from, to) in [("certain", 60, i64::MAX), ("probable", 28, 59)] {
            let number = match &holders {
                None => unknown("no_snapshot"),
                Some(holders) => {
                    let is_idle = |person: &&usize| {
                        let told = organisation.people[**person].last_duo_activity_on;
                        match told.max(days_of(**person, false).into_iter().max()) {
                            Some(last) => (from..=to).contains(&(period.end - last).num_days()),
                            None => tier == "certain" && (period.end - had_since(**person)).num_days() >= 30,
                        }
                    };
                    let idle = holders.iter().filter(is_idle).count();
                    count(idle, Some(idle))
                }
            };
            put("seats.idle", &[("tier", tier)], &[period], number);
        }
    }
    if period.grain == "month" {
        let lists = collected.lists_of(groups);
        let number = if lists.is_empty() {
            unknown("no_snapshot")
        } else {
            first_uses(collected, &lists, &deliberate, is_in)
        };
        put("seats.days_to_first_use", &[], &[period], number);
    }
}

/// The median of the days from the first list that has somebody to their first deliberate event since then.
fn first_uses(
    collected: &Collected<'_>,
    lists: &[(NaiveDate, BTreeSet<usize>)],
    deliberate: &BTreeMap<usize, BTreeSet<NaiveDate>>,
    is_in: impl Fn(&NaiveDate) -> bool,
) -> Number {
    let (mut told, mut left_out) = (Vec::new(), 0);
    for (person, days_of) in deliberate {
        let Some((since, _)) = lists.iter().find(|(_, holders)| holders.contains(person)) else { continue };
        let is_as_old_as_the_lists = *since == lists[0].0;
        let first = days_of.iter().find(|day| is_as_old_as_the_lists || *day >= since);
        let Some(first) = first.filter(|first| is_in(first)) else { continue };
        let between = Period { grain: "", start: *since, end: *first };
        if is_as_old_as_the_lists || !days(between).into_iter().all(|day| collected.knows_whole(day)) {
            left_out += 1;
        } else {
            told.push((*first - *since).num_days());
        }
    }
    told.sort_unstable();
    match (told.len(), left_out) {
        (0, 0) => Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") },
        (0, _) => Number { basis: json!(0.0), ..unknown("look_back_incomplete") },
        (n, _) => Number {
            value: json!(told[n.div_ceil(2) - 1]),
            basis: json!(n as f64 / (n + left_out) as f64),
            ..count(n, Some(n))
        },
    }
}

fn suggestions(
    events: &[&UsageEvent],
    by: &[(&str, &str)],
    people_of: &dyn Fn(&mut dyn Iterator<Item = &UsageEvent>) -> usize,
    put: &mut Put<'_>,
) {
    let of = |name: &str| -> Vec<&UsageEvent> {
        events.iter().copied().filter(|event| event.event == name).collect()
    };
    let shown = of("CODE_SUGGESTION_SHOWN_IN_IDE");
    let accepted = of("CODE_SUGGESTION_ACCEPTED_IN_IDE");
    let rejected = of("CODE_SUGGESTION_REJECTED_IN_IDE");
    let people = |events: &[&UsageEvent]| Some(people_of(&mut events.iter().copied()));
    // With no row at all, there is no row that could lack its language.
    put("code_suggestions.shown", by, count(shown.len(), people(&shown)));
    put("code_suggestions.accepted", by, count(accepted.len(), people(&accepted)));
    put("code_suggestions.rejected", by, count(rejected.len(), people(&rejected)));
    let both = [shown.clone(), accepted.clone()].concat();
    put(
        "code_suggestions.acceptance_rate",
        by,
        rate(accepted.len() as f64, shown.len() as f64, people(&both)),
    );
    let sized =
        |events: &[&UsageEvent]| events.iter().filter(|event| event.suggestion_size.is_some()).count();
    let lines = |events: &[&UsageEvent]| -> usize {
        events.iter().filter_map(|event| event.suggestion_size).map(|size| size as usize).sum()
    };
    put(
        "code_suggestions.lines_shown",
        by,
        based(count(lines(&shown), people(&shown)), sized(&shown), shown.len()),
    );
    put(
        "code_suggestions.lines_accepted",
        by,
        based(count(lines(&accepted), people(&accepted)), sized(&accepted), accepted.len()),
    );
    let line_rate = rate(lines(&accepted) as f64, lines(&shown) as f64, people(&both));
    put("code_suggestions.line_acceptance_rate", by, based(line_rate, sized(&both), both.len()));
    let users = people(&[accepted, rejected].concat());
    put("code_suggestions.users", by, count(users.unwrap_or(0), users));
}

/// Suggestions by editor, and by language and editor.
fn by_editor(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organisation = collected.organisation;
    let mut events: BTreeMap<(Option<String>, &str), Vec<&UsageEvent>> = BTreeMap::new();
    for event in &organisation.usage_events {
        let is_meant = [
            "CODE_SUGGESTION_SHOWN_IN_IDE",
            "CODE_SUGGESTION_ACCEPTED_IN_IDE",
            "CODE_SUGGESTION_REJECTED_IN_IDE",
        ]
        .contains(&event.event);
        if is_meant && groups.contains(&event.group) && happened_in(event, period, collected) {
            let editor = event.ide_name().expect("every suggestion tells its editor");
            for language in [None, Some(language(event))] {
                events.entry((language, editor)).or_default().push(event);
            }
        }
    }
    for ((language, editor), events) in events {
        let folded = editor.to_lowercase();
        let editor = if folded == "visual studio code" { "vscode" } else { folded.as_str() };
        let mut by = vec![("ide", editor)];
        by.extend(language.as_deref().map(|language| ("language", language)));
        let of = |names: &[&str]| -> (usize, Option<usize>) {
            let events = events.iter().filter(|event| names.contains(&event.event));
            let of_people = events.clone().filter(|event| !collected.is_of_bot(event));
            let people = of_people.map(|event| event.person).collect::<BTreeSet<_>>();
            (events.count(), Some(people.len()))
        };
        let shown = of(&["CODE_SUGGESTION_SHOWN_IN_IDE"]);
        let accepted = of(&["CODE_SUGGESTION_ACCEPTED_IN_IDE"]);
        let rejected = of(&["CODE_SUGGESTION_REJECTED_IN_IDE"]);
        let people = of(&["CODE_SUGGESTION_SHOWN_IN_IDE", "CODE_SUGGESTION_ACCEPTED_IN_IDE"]).1;
        put("code_suggestions.shown", &by, count(shown.0, shown.1));
        put("code_suggestions.accepted", &by, count(accepted.0, accepted.1));
        put("code_suggestions.rejected", &by, count(rejected.0, rejected.1));
        put("code_suggestions.acceptance_rate", &by, rate(accepted.0 as f64, shown.0 as f64, people));
    }
}

fn engagement(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if period.grain == "day" {
        return;
    }
    let organisation = collected.organisation;
    let look_back = Period {
        grain: "window",
        start: period.end.checked_sub_days(Days::new(27)).expect("a day"),
        end: period.end,
    };
    let seen = organisation.usage_events.iter().filter(|event| {
        let day = event.timestamp.date_naive();
        groups.contains(&event.group) && day <= period.end && collected.has(event)
    });
    let was_person = seen.filter(|event| !collected.is_of_bot(event)).map(|event| event.person);
    let people = was_person.filter(|person| !collected.is_bot(*person, period.end)).collect();
    let mut populations: Vec<(&str, BTreeSet<usize>)> = vec![("people", people)];
    populations.extend(holders(collected, groups, period).map(|holders| ("seat_holders", holders)));
    let days_of = days_of_everybody(collected, groups, true);
    let segment = |person: usize, in_days: Period| {
        let days = days_of.get(&person).into_iter().flatten();
        match days.filter(|day| (in_days.start..=in_days.end).contains(*day)).count() {
            0 => "inactive",
            1..=3 => "experimenting",
            4..=11 => "regular",
            _ => "heavy",
        }
    };
    let known = |looked_at: Period| match () {
        _ if period.end > collected.until => Some(unknown("period_incomplete")),
        _ if !collected.knows_all(looked_at) => Some(unknown("look_back_incomplete")),
        _ => None,
    };
    for (population, members) in populations {
        let now: BTreeMap<usize, &str> =
            members.iter().map(|person| (*person, segment(*person, look_back))).collect();
        for name in SEGMENTS {
            let people = now.values().filter(|segment| **segment == name).count();
            let number = known(look_back).unwrap_or(count(people, Some(people)));
            put("engagement.users", &[(POPULATION, population), ("segment", name)], &[look_back], number);
        }
        if period.grain != "window" {
            continue;
        }
        let month = Days::new(28);
        let before = Period {
            start: look_back.start.checked_sub_days(month).expect("a day"),
            end: look_back.end.checked_sub_days(month).expect("a day"),
            ..period
        };
        let both = Period { end: period.end, ..before };
        for from in SEGMENTS {
            for to in SEGMENTS {
                let moved =
                    now.iter().filter(|(person, now)| **now == to && segment(**person, before) == from);
                let people = moved.count();
                let number = known(both).unwrap_or(count(people, Some(people)));
                let by = [(POPULATION, population), ("from", from), ("to", to)];
                put("engagement.movement", &by, &[both], number);
            }
        }
    }
}

/// Stands among the dimensions of a number on its way, though it is none of them in a line.
const POPULATION: &str = "population";

const SEGMENTS: [&str; 4] = ["inactive", "experimenting", "regular", "heavy"];

fn retention(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if period.grain != "week" {
        return;
    }
    let monday = |day: NaiveDate| {
        day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).expect("a day")
    };
    let mut weeks: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for (person, days) in days_of_everybody(collected, groups, true) {
        weeks.insert(person, days.into_iter().map(monday).collect());
    }
    let first_day = days(Period { grain: "", start: collected.since, end: collected.until })
        .into_iter()
        .find(|day| collected.knows(*day))
        .expect("some day is known");
    for cohort in monday(first_day).iter_weeks().take_while(|cohort| *cohort <= period.start) {
        let later = (period.start - cohort).num_weeks();
        let looked_at = Period {
            grain: "",
            start: cohort.checked_sub_days(Days::new(28)).expect("a day"),
            end: cohort.checked_add_days(Days::new(6)).expect("a day"),
        };
        let of: Vec<_> = weeks.values().filter(|weeks| weeks.first() == Some(&cohort)).collect();
        let still = of.iter().filter(|weeks| weeks.contains(&period.start)).count();
        let number = if !collected.knows_all(period) {
            unknown("period_incomplete")
        } else if !collected.knows_all(looked_at) {
            unknown("look_back_incomplete")
        } else {
            let people = if still == 0 { of.len() } else { still };
            rate(still as f64, of.len() as f64, Some(people))
        };
        let by = [("cohort", cohort.to_string()), ("week", later.to_string())];
        let of_both = [looked_at, period];
        // The week of the cohort itself is in both.
        let stretches = if later == 0 { &of_both[..1] } else { &of_both[..] };
        put("engagement.retention", &[(by[0].0, &by[0].1), (by[1].0, &by[1].1)], stretches, number);
    }
}

fn delivery(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organisation = collected.organisation;
    let is_ours = |project: usize| {
        let project = &organisation.projects[project];
        !project.archived && groups.iter().any(|group| organisation.is_within(project.group, *group))
    };
    let paths: BTreeSet<&str> =
        organisation.projects.iter().map(|project| project.full_path.as_str()).collect();
    for path in std::iter::once(None).chain(paths.into_iter().map(Some)) {
        let by: Vec<(&str, &str)> = path.map(|path| ("project", path)).into_iter().collect();
        let wanted = |project: usize| {
            is_ours(project) && path.is_none_or(|path| organisation.projects[project].full_path == path)
        };
        let opened: Vec<_> = organisation
            .merge_requests
            .iter()
            .filter(|mr| wanted(mr.project) && was_in(mr.created_at, period, collected))
            .collect();
        let merged: Vec<_> = organisation
            .merge_requests
            .iter()
            .filter(|mr| wanted(mr.project) && mr.merged_at.is_some_and(|at| was_in(at, period, collected)))
            .collect();
        if path.is_none() || !opened.is_empty() || !merged.is_empty() {
            let author = |mr: &crate::stand_in::MergeRequest, on: DateTime<Utc>| {
                mr.author.filter(|author| !collected.is_bot(*author, on.date_naive()))
            };
            let opened_by = opened.iter().filter_map(|mr| author(mr, mr.created_at)).collect::<BTreeSet<_>>();
            let merged_by: Vec<usize> =
                merged.iter().filter_map(|mr| author(mr, mr.merged_at.expect("it is merged"))).collect();
            let authors = merged_by.iter().collect::<BTreeSet<_>>().len();
            put("merge_requests.opened", &by, count(opened.len(), Some(opened_by.len())));
            put("merge_requests.merged", &by, count(merged.len(), Some(authors)));
            let seconds = merged
                .iter()
                .map(|mr| whole_seconds(mr.created_at, mr.merged_at.expect("it is merged")))
                .collect();
            let (metric, all) = ("merge_requests.time_to_merge_seconds", merged.len());
            quantiles(metric, &by, seconds, Some(authors), &mut |metric, by, number| {
                put(metric, by, based(number, all, all));
            });
            if path.is_none() && ["month", "window"].contains(&period.grain) {
                let per_author = rate(merged_by.len() as f64, authors as f64, Some(authors));
                put("merge_requests.per_author", &[], per_author);
            }
        }
        let pipelines: Vec<_> = organisation
            .pipelines
            .iter()
            .filter(|pipeline| wanted(pipeline.project) && was_in(pipeline.created_at, period, collected))
            .collect();
        if path.is_none() || !pipelines.is_empty() {
            let of = |status: &str| pipelines.iter().filter(|pipeline| pipeline.status == status).count();
            put("pipelines.count", &by, count(pipelines.len(), None));
            put(
                "pipelines.success_rate",
                &by,
                rate(of("SUCCESS") as f64, (of("SUCCESS") + of("FAILED")) as f64, None),
            );
            let finished = pipelines.iter().filter(|pipeline| pipeline.finished_at.is_some());
            let durations: Vec<u64> =
                finished.clone().filter_map(|pipeline| pipeline.duration).map(u64::from).collect();
            let (told, all) = (durations.len(), finished.count());
            quantiles("pipelines.duration_seconds", &by, durations, None, &mut |metric, by, number| {
                put(metric, by, based(number, told, all))
            });
        }
    }
}

fn impact(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    if !["month", "window"].contains(&period.grain) {
        return;
    }
    let organisation = collected.organisation;
    let is_ours = |project: usize| {
        groups.iter().any(|group| organisation.is_within(organisation.projects[project].group, *group))
    };
    let merged: Vec<_> = organisation
        .merge_requests
        .iter()
        .filter(|mr| is_ours(mr.project) && mr.merged_at.is_some_and(|at| was_in(at, period, collected)))
        .collect();
    let days_of = days_of_everybody(collected, groups, true);
    let is_active = |person: usize| {
        let days = days_of.get(&person).into_iter().flatten();
        days.into_iter().any(|day| (period.start..=period.end).contains(day))
    };
    let of_people: Vec<_> = merged
        .iter()
        .filter_map(|mr| {
            let day = mr.merged_at.expect("it is merged").date_naive();
            Some((mr.author.filter(|author| !collected.is_bot(*author, day))?, mr))
        })
        .collect();
    for with_duo in [false, true] {
        let group: Vec<_> = of_people.iter().filter(|(author, _)| is_active(*author) == with_duo).collect();
        let authors = group.iter().map(|(author, _)| *author).collect::<BTreeSet<_>>().len();
        let seconds =
            group.iter().map(|(_, mr)| whole_seconds(mr.created_at, mr.merged_at.expect("it is merged")));
        let lines = group.iter().map(|(_, mr)| u64::from(mr.additions + mr.deletions));
        for (metric, mut values) in [
            ("impact.time_to_merge_seconds", seconds.collect::<Vec<u64>>()),
            ("impact.size_lines", lines.collect()),
        ] {
            values.sort_unstable();
            let n = values.len();
            let at = |share: f64| (n >= 2).then(|| values[rank_of_resamples(n, share)]);
            let p50 = (n > 0).then(|| values[n.div_ceil(2) - 1]);
            for (stat, value) in [("p50", p50), ("low", at(0.025)), ("high", at(0.975))] {
                let number = match value {
                    Some(value) => Number { value: json!(value), ..count(n, Some(authors)) },
                    None => Number {
                        value: Value::Null,
                        // A single one has a median, and no interval.
                        reason: json!(if n == 0 { "nothing_shown" } else { "too_few" }),
                        ..count(n, Some(authors))
                    },
                };
                let basis =
                    if n == 0 { Value::Null } else { json!(of_people.len() as f64 / merged.len() as f64) };
                let with_duo = with_duo.to_string();
                put(metric, &[("with_duo", &with_duo), ("stat", stat)], Number { basis, ..number });
            }
        }
    }
}

/// The place from 0 at which this share of all resamples of n have their median at it or before: the chances that so
/// many of n draws fall there, built up draw by draw.
fn rank_of_resamples(n: usize, share: f64) -> usize {
    let is_reached = |place: &usize| {
        let inside = (place + 1) as f64 / n as f64;
        let mut chances = vec![0.0; n + 1];
        chances[0] = 1.0;
        for draw in 1..=n {
            for hits in (0..=draw).rev() {
                let hit = if hits > 0 { chances[hits - 1] * inside } else { 0.0 };
                chances[hits] = chances[hits] * (1.0 - inside) + hit;
            }
        }
        chances[n.div_ceil(2)..].iter().sum::<f64>() >= share
    };
    let places: Vec<usize> = (0..n).collect();
    places[places.partition_point(|place| !is_reached(place)).min(n - 1)]
}

/// The figures as the stand-in makes them: a deployment is a pipeline of a push that succeeded or failed, on the day
/// it finished.
fn dora(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut dyn FnMut(&str, Number)) {
    let organisation = collected.organisation;
    let last = period.end.min(collected.until);
    let is_in = |at: DateTime<Utc>| (period.start..=last).contains(&at.date_naive());
    let is_ours = |project: usize| organisation.is_within(organisation.projects[project].group, groups[0]);
    let mut deployments: Vec<_> = organisation
        .pipelines
        .iter()
        .filter(|pipeline| pipeline.source == "push" && ["SUCCESS", "FAILED"].contains(&pipeline.status))
        .filter(|pipeline| is_ours(pipeline.project))
        .map(|pipeline| (pipeline.finished_at.expect("it finished"), pipeline))
        .collect();
    deployments.sort_by_key(|(finished_at, pipeline)| (*finished_at, pipeline.id));
    let of = |status: &str| {
        deployments.iter().filter(|(at, pipeline)| is_in(*at) && pipeline.status == status).count() as f64
    };
    let mut restored = Vec::new();
    for (place, (finished_at, pipeline)) in deployments.iter().enumerate() {
        // The first failure since the last success of the project.
        let broken = deployments[..place]
            .iter()
            .rev()
            .filter(|(_, before)| before.project == pipeline.project)
            .take_while(|(_, before)| before.status == "FAILED")
            .last();
        if let Some((since, _)) = broken.filter(|_| pipeline.status == "SUCCESS" && is_in(*finished_at)) {
            restored.push(whole_seconds(*since, *finished_at) as f64);
        }
    }
    let lead_times = organisation
        .merge_requests
        .iter()
        .filter(|mr| is_ours(mr.project) && mr.merged_at.is_some_and(is_in))
        .map(|mr| whole_seconds(mr.created_at, mr.merged_at.expect("it is merged")) as f64);
    let rounded = |value: f64| (value * 1e6).round() / 1e6;
    let days = (last - period.start).num_days() + 1;
    let all = of("SUCCESS") + of("FAILED");
    for (metric, value) in [
        ("dora.deployment_frequency", Some(rounded(of("SUCCESS") / days as f64))),
        ("dora.lead_time_for_changes_seconds", median(lead_times.collect())),
        ("dora.time_to_restore_service_seconds", median(restored)),
        ("dora.change_failure_rate", (all > 0.0).then(|| rounded(of("FAILED") / all))),
    ] {
        let number = match value {
            _ if groups.len() > 1 => unknown("not_in_source"),
            None => Number { basis: json!(1.0), ..unknown("nothing_shown") },
            Some(value) => Number { value: json!(value), n: Value::Null, ..count(0, None) },
        };
        put(metric, number);
    }
}

/// The mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

pub(crate) fn quantiles(
    metric: &str,
    by: &[(&str, &str)],
    mut values: Vec<u64>,
    people: Option<usize>,
    put: &mut Put<'_>,
) {
    values.sort_unstable();
    for (stat, share) in [("p50", 0.5), ("p95", 0.95)] {
        let by = [by, &[("stat", stat)]].concat();
        let rank = (share * values.len() as f64 - 1e-9).ceil() as usize;
        let number = match values.is_empty() {
            true => {
                Number { n: json!(0), basis: json!(1.0), people: json!(people), ..unknown("nothing_shown") }
            }
            false => Number { value: json!(values[rank.max(1) - 1]), ..count(values.len(), people) },
        };
        put(metric, &by, number);
    }
}

/// Who has a seat, by the list that counts for a period.
fn holders(collected: &Collected<'_>, groups: &[usize], period: Period) -> Option<BTreeSet<usize>> {
    list_of(collected, groups, period).map(|(_, holders)| holders)
}

/// The list of seats that counts for a period: the last one taken in it, or else the first of the two days after it.
fn list_of(
    collected: &Collected<'_>,
    groups: &[usize],
    period: Period,
) -> Option<(NaiveDate, BTreeSet<usize>)> {
    let lists = collected.lists_of(groups);
    let grace = period.end.checked_add_days(Days::new(2)).expect("a day");
    let last = collected.until.checked_add_days(Days::new(2)).expect("a day");
    let lists = || lists.iter().filter(|(day, _)| *day <= last);
    let within = lists().rfind(|(day, _)| (period.start..=period.end).contains(day));
    let after = || lists().find(|(day, _)| *day > period.end && *day <= grace);
    within.or_else(after).cloned()
}

pub(crate) fn periods(since: NaiveDate, until: NaiveDate) -> Vec<Period> {
    let mut periods = vec![Period {
        grain: "window",
        start: until.checked_sub_days(Days::new(27)).expect("a day"),
        end: until,
    }];
    for day in since.iter_days().take_while(|day| *day <= until) {
        periods.push(Period { grain: "day", start: day, end: day });
        let monday =
            day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).expect("a day");
        if day == since || day == monday {
            periods.push(Period {
                grain: "week",
                start: monday,
                end: monday.checked_add_days(Days::new(6)).expect("a day"),
            });
        }
        let first = day.with_day(1).expect("a month has a first day");
        if day == since || day == first {
            periods.push(Period {
                grain: "month",
                start: first,
                end: first
                    .checked_add_months(Months::new(1))
                    .and_then(|next| next.pred_opt())
                    .expect("a day"),
            });
        }
    }
    periods
}

fn days(period: Period) -> Vec<NaiveDate> {
    period.start.iter_days().take_while(|day| *day <= period.end).collect()
}

/// Whether an event that arrived happened in the period.
fn happened_in(event: &UsageEvent, period: Period, collected: &Collected<'_>) -> bool {
    (period.start..=period.end).contains(&event.timestamp.date_naive()) && collected.has(event)
}

/// Whether something told apart from usage events happened in the period, on a day that was asked for.
fn was_in(at: DateTime<Utc>, period: Period, collected: &Collected<'_>) -> bool {
    let day = at.date_naive();
    (period.start..=period.end).contains(&day) && collected.in_range(day)
}

fn whole_seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from(to.timestamp() - from.timestamp()).expect("merged after it was opened")
}

fn language(event: &UsageEvent) -> String {
    let spelt = event.language.map_or("(none)".to_owned(), str::to_lowercase);
    let others = [
        ("typescriptreact", "typescript"),
        ("javascriptreact", "javascript"),
        ("cpp", "c++"),
        ("csharp", "c#"),
        ("shellscript", "shell"),
    ];
    others.iter().find(|(other, _)| *other == spelt).map_or(spelt, |(_, name)| (*name).to_owned())
}

pub(crate) fn count(n: usize, people: Option<usize>) -> Number {
    Number {
        value: json!(n),
        n: json!(n),
        of: Value::Null,
        people: json!(people),
        basis: json!(1.0),
        reason: Value::Null,
    }
}

pub(crate) fn rate(n: f64, of: f64, people: Option<usize>) -> Number {
    let (value, reason) =
        if of == 0.0 { (Value::Null, json!("nothing_shown")) } else { (json!(n / of), Value::Null) };
    Number { value, n: json!(n), of: json!(of), people: json!(people), basis: json!(1.0), reason }
}

pub(crate) fn unknown(reason: &str) -> Number {
    Number {
        value: Value::Null,
        n: Value::Null,
        of: Value::Null,
        people: Value::Null,
        basis: Value::Null,
        reason: json!(reason),
    }
}

pub(crate) fn based(number: Number, carrying: usize, rows: usize) -> Number {
    match (carrying, rows) {
        (_, 0) => Number { basis: Value::Null, ..number },
        (0, _) => Number { basis: json!(0.0), ..unknown("not_in_source") },
        _ => Number { basis: json!(carrying as f64 / rows as f64), ..number },
    }
}
