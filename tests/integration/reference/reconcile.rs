//! Reconciliation: GitLab's own counts beside ours, from the events of the invented organization.

use stand_in::Session;

use super::*;

/// Collector, feature, measure, grain and first day.
pub(crate) type DifferenceKey = (String, String, String, String, String);

/// Value, n, of, people and explanation.
pub(crate) type Difference = (i64, u64, u64, u64, Option<&'static str>);

/// Features of which GitLab counts events by day, with the names of these events.
const BY_DAY: &[(&str, &[&str])] = &[
    ("chat", &["REQUEST_DUO_CHAT_RESPONSE"]),
    (
        "code_review",
        &[
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR",
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR",
            "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
            "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
            "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
            "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
            "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT",
            "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT",
        ],
    ),
    ("mcp", &["START_MCP_TOOL_CALL", "FINISH_MCP_TOOL_CALL"]),
    ("troubleshoot", &["TROUBLESHOOT_JOB"]),
];

/// Features of which GitLab counts events by user.
const BY_USER: &[(&str, &[&str])] = &[
    ("agent_platform", &["AGENT_PLATFORM_SESSION_CREATED"]),
    ("chat", &["REQUEST_DUO_CHAT_RESPONSE"]),
    (
        "code_suggestions",
        &[
            "CODE_SUGGESTION_SHOWN_IN_IDE",
            "CODE_SUGGESTION_ACCEPTED_IN_IDE",
            "CODE_SUGGESTION_REJECTED_IN_IDE",
        ],
    ),
];

/// Counts of one measure over some days.
#[derive(Default)]
struct Counts {
    ours: u64,
    theirs: u64,
    people: BTreeSet<usize>,
    explanation: Option<&'static str>,
}

/// All differences of the group `acme` in the newest release with ClickHouse. `shifted` is an event
/// that GitLab counts on the day before.
pub(crate) fn differences(
    organization: &Organization,
    since: NaiveDate,
    shifted: Option<&UsageEvent>,
) -> BTreeMap<DifferenceKey, Difference> {
    let acme = organization.group("acme").expect("the group");
    let until = organization.last_day;
    let span: Vec<NaiveDate> = since.iter_days().take_while(|day| *day <= until).collect();
    let window = until.checked_sub_days(Days::new(27)).expect("a day");
    let events: Vec<&UsageEvent> =
        organization.usage_events.iter().filter(|event| event.group == acme).collect();
    let mut found: BTreeMap<DifferenceKey, Counts> = BTreeMap::new();
    let mut add = |key: [&str; 3], day: NaiveDate, counts: Counts| {
        let periods = [("day", day)].into_iter().chain((day >= window).then_some(("window", window)));
        for (grain, start) in periods {
            let [collector, feature, measure] = key.map(str::to_owned);
            let sum =
                found.entry((collector, feature, measure, grain.to_owned(), start.to_string())).or_default();
            sum.ours += counts.ours;
            sum.theirs += counts.theirs;
            sum.people.extend(&counts.people);
            sum.explanation = counts.explanation.filter(|_| grain == "day");
        }
    };
    for day in &span {
        let of_day: Vec<&UsageEvent> =
            events.iter().copied().filter(|event| event.timestamp.date_naive() == *day).collect();
        let counts = |name: &str| {
            let ours: Vec<&&UsageEvent> = of_day.iter().filter(|event| event.event == name).collect();
            let moved = shifted.filter(|event| event.event == name).map(|event| event.timestamp.date_naive());
            let more = u64::from(moved.is_some_and(|moved| moved.pred_opt() == Some(*day)));
            let less = u64::from(moved == Some(*day));
            Counts {
                theirs: ours.len() as u64 + more - less,
                ours: ours.len() as u64,
                people: people_of(organization, ours.into_iter().copied()),
                explanation: None,
            }
        };
        for (feature, names) in BY_DAY {
            for name in *names {
                let measure = format!("{}_event_count", name.to_lowercase());
                add(["ai_metrics", feature, &measure], *day, counts(name));
            }
        }
        for (measure, name) in [
            ("shown_count", "CODE_SUGGESTION_SHOWN_IN_IDE"),
            ("accepted_count", "CODE_SUGGESTION_ACCEPTED_IN_IDE"),
        ] {
            add(["ai_metrics", "code_suggestions", measure], *day, counts(name));
        }
        let created = counts("AGENT_PLATFORM_SESSION_CREATED");
        let sessions = || organization.sessions.iter().filter(|session| session.group == acme);
        // The engine of flows also has sessions without such an event.
        let with_event = |session: &&Session| session.created_at.is_some_and(|at| at.date_naive() == *day);
        let of_events = sessions().filter(with_event).count() as u64;
        let of_flows = sessions().filter(|session| session.began_at.date_naive() == *day).count() as u64;
        for (collector, theirs) in [("agent_sessions", of_events), ("agent_flows", of_flows)] {
            // GitLab's count of created events agrees; a session of two such events counts once.
            let explanation = (theirs != created.ours).then_some("other_count_agrees");
            let people = created.people.clone();
            let of_sessions = Counts { ours: created.ours, theirs, people, explanation };
            add([collector, "agent_platform", "total_count"], *day, of_sessions);
        }
        add(["ai_metrics", "agent_platform", "created_session_event_count"], *day, created);

        let end = day.succ_opt().expect("a day").and_hms_opt(0, 0, 0).expect("midnight").and_utc();
        let users = |events: &[&UsageEvent]| events.iter().map(|event| event.person).collect::<BTreeSet<_>>();
        let ours = users(&of_day);
        let at_end: Vec<&UsageEvent> =
            events.iter().copied().filter(|event| event.timestamp == end).collect();
        let theirs: BTreeSet<usize> = ours.union(&users(&at_end)).copied().collect();
        let counts = Counts {
            ours: ours.len() as u64,
            theirs: theirs.len() as u64,
            people: people_of(organization, of_day.iter().copied()),
            explanation: (theirs.len() > ours.len()).then_some("next_midnight"),
        };
        add(["ai_metrics", "all", "duo_used_count"], *day, counts);
    }
    for (feature, names) in BY_USER {
        for name in *names {
            let ours = events
                .iter()
                .copied()
                .filter(|event| event.event == *name && span.contains(&event.timestamp.date_naive()));
            let counts = Counts {
                ours: ours.clone().count() as u64,
                theirs: ours.clone().count() as u64,
                people: people_of(organization, ours),
                explanation: None,
            };
            let measure = format!("{}_event_count", name.to_lowercase());
            let key = ["ai_user_metrics", feature, &measure, "window"].map(str::to_owned);
            let [collector, feature, measure, grain] = key;
            found.insert((collector, feature, measure, grain, window.to_string()), counts);
        }
    }
    let finish = |counts: Counts| {
        let Counts { ours, theirs, people, explanation } = counts;
        let difference = i64::try_from(ours).expect("small") - i64::try_from(theirs).expect("small");
        let people = (people.len() as u64).max(u64::from(theirs > ours));
        (difference, ours, theirs, people, explanation)
    };
    found.into_iter().map(|(key, counts)| (key, finish(counts))).collect()
}

fn people_of<'e>(
    organization: &Organization,
    events: impl Iterator<Item = &'e UsageEvent>,
) -> BTreeSet<usize> {
    events.map(|event| event.person).filter(|person| !organization.people[*person].bot).collect()
}
