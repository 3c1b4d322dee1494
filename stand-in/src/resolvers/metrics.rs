//! `aiMetrics` and `aiMetricsBasic`: counts over a range of days, both included.
//!
//! Every stored event counts, including duplicates. `duoUsedCount` ends with the first moment of the
//! last day, as in GitLab 18.9 to 19.4; all other counts include that day. Subgroups and projects
//! have only the events of sessions in their projects, because other events have no location. Code
//! contributors are the users of pipelines started by a push within the range.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use chrono::{Datelike, Months, NaiveDate, TimeDelta};

use super::super::catalog::CATALOG;
use super::super::organization::start_of;
use super::record::{Borrowed, Record};
use super::{QueryContext, Resolved, Scope, UsageEvent, error, errors, text, texts, validation};

/// `aiMetrics`.
pub(super) fn metrics<'a>(
    context: &'a QueryContext<'a>,
    scope: Scope,
    info: &ResolveInfo<'_>,
) -> Resolved<'a> {
    let days = context.days(info)?;
    if !context.settings.clickhouse {
        return Err(error(errors::NO_CLICKHOUSE));
    }
    let events = context.events(scope, days).collect();
    Ok(ResolvedValue::object(Metrics { context, scope, days, events }))
}

/// `aiMetricsBasic`, which does not need ClickHouse.
pub(super) fn basic<'a>(context: &'a QueryContext<'a>, scope: Scope, info: &ResolveInfo<'_>) -> Resolved<'a> {
    let days = context.days(info)?;
    let counts = counts(context.events(scope, days));
    let suggestions = Record::new("codeSuggestionMetricsBasic")
        .with("shownCount", count(&counts, SHOWN))
        .with("acceptedCount", count(&counts, ACCEPTED));
    Ok(ResolvedValue::object(Basic(suggestions)))
}

const SHOWN: &str = "CODE_SUGGESTION_SHOWN_IN_IDE";
const ACCEPTED: &str = "CODE_SUGGESTION_ACCEPTED_IN_IDE";
const CREATED: &str = "AGENT_PLATFORM_SESSION_CREATED";

/// First and last day.
pub(super) type Days = (NaiveDate, NaiveDate);

impl<'q> QueryContext<'q> {
    /// The requested range, by default the current month, or GitLab's error.
    pub(super) fn days(&self, info: &ResolveInfo<'_>) -> Result<Days, FieldError> {
        let today = self.organization.now().date_naive();
        let first_of_month = today.with_day(1).expect("every month has a first");
        let date = |name| text(info, name).and_then(validation::day);
        let start = date("startDate").unwrap_or(first_of_month);
        let end = date("endDate").unwrap_or(first_of_month + Months::new(1) - TimeDelta::days(1));
        if end < start {
            return Err(error(errors::START_AFTER_END));
        }
        if start < end - Months::new(12) {
            return Err(error(errors::YEAR_TOO_LONG));
        }
        Ok((start, end))
    }

    /// The event of [`Settings::shifted_event_on`](super::super::Settings::shifted_event_on).
    fn shifted_event(&self, root: usize) -> Option<&'q UsageEvent> {
        let organization = self.organization;
        let day = start_of(self.settings.shifted_event_on?);
        let end = day + TimeDelta::days(1) - TimeDelta::nanoseconds(1);
        let places = organization.between(&organization.events_of_group[root], day, end);
        let mut events = places.iter().rev().map(|place| &organization.usage_events[*place as usize]);
        events.find(|event| event.event == "REQUEST_DUO_CHAT_RESPONSE" && event.timestamp > day)
    }

    /// The usage events of a scope on these days.
    pub(super) fn events(
        &self,
        scope: Scope,
        (first, last): Days,
    ) -> impl Iterator<Item = &'q UsageEvent> + use<'q> {
        let organization = self.organization;
        let root = match scope {
            Scope::Group(group) => organization.root_of(group),
            Scope::Project(project) => organization.root_of(organization.projects[project].group),
        };
        let end = start_of(last) + TimeDelta::days(1) - TimeDelta::nanoseconds(1);
        let places = organization.between(&organization.events_of_group[root], start_of(first), end);
        let events = places.iter().map(|place| &organization.usage_events[*place as usize]);
        let shifted = self.shifted_event(root);
        let shifted_day = self.settings.shifted_event_on;
        let is_before_range = move |id: u64| {
            shifted.is_some_and(|event| event.id == id) && shifted_day.is_some_and(|day| first == day)
        };
        let added = shifted.filter(|_| shifted_day.is_some_and(|day| last.succ_opt() == Some(day)));
        let events = events.filter(move |event| !is_before_range(event.id)).chain(added);
        events.filter(move |event| match scope {
            Scope::Group(group) if group == root => true,
            scope => {
                let session = event.session.map(|session| &organization.sessions[session as usize]);
                let project = session.and_then(|session| session.project);
                project.is_some_and(|project| scope.contains(organization, project))
            }
        })
    }
}

impl Scope {
    /// Whether the scope contains the project, directly or in a subgroup.
    pub(super) fn contains(self, organization: &super::Organization, project: usize) -> bool {
        match self {
            Scope::Group(group) => organization.is_within(organization.projects[project].group, group),
            Scope::Project(own) => own == project,
        }
    }
}

fn counts<'a>(events: impl Iterator<Item = &'a UsageEvent>) -> HashMap<&'static str, u32> {
    let mut counts = HashMap::new();
    for event in events {
        *counts.entry(event.event).or_default() += 1;
    }
    counts
}

fn count(counts: &HashMap<&'static str, u32>, event: &str) -> u32 {
    counts.get(event).copied().unwrap_or(0)
}

/// A record with a counter for each event for which the type has a field.
fn counters(type_name: &'static str, counts: &HashMap<&'static str, u32>, info: &ResolveInfo<'_>) -> Record {
    let mut record = Record::new(type_name);
    let fields = info.schema().get_object(type_name).map(|object| object.fields.keys());
    for field in fields.into_iter().flatten() {
        if let Some(event) = CATALOG.iter().find(|event| event.is_counted_by(field)) {
            record = record.with(field.as_str(), count(counts, event.name));
        }
    }
    record
}

struct Basic(Record);

impl ObjectValue for Basic {
    fn type_name(&self) -> &str {
        "AiMetricsBasic"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        match info.field_name() {
            "codeSuggestions" => Ok(ResolvedValue::object(Borrowed(&self.0))),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

struct Metrics<'q> {
    context: &'q QueryContext<'q>,
    scope: Scope,
    days: Days,
    events: Vec<&'q UsageEvent>,
}

impl Metrics<'_> {
    fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.event == name).count()
    }

    fn people(&self, does: impl Fn(&UsageEvent) -> bool) -> usize {
        let people: HashSet<usize> =
            self.events.iter().filter(|event| does(event)).map(|event| event.person).collect();
        people.len()
    }

    fn seats(&self, is_meant: impl Fn(&str) -> bool) -> u32 {
        let organization = self.context.organization;
        let root = match self.scope {
            Scope::Group(group) => organization.root_of(group),
            Scope::Project(project) => organization.root_of(organization.projects[project].group),
        };
        let purchases = organization.add_on_purchases.iter();
        let meant = purchases.filter(|purchase| purchase.group == root && is_meant(purchase.add_on.name()));
        meant.map(|purchase| purchase.assigned).sum()
    }

    fn code_contributors(&self) -> usize {
        let organization = self.context.organization;
        let (first, last) = self.days;
        let pushers: HashSet<usize> = organization
            .pipelines
            .iter()
            .filter(|pipeline| {
                let day = pipeline.created_at.date_naive();
                pipeline.source == "push"
                    && first <= day
                    && day <= last
                    && self.scope.contains(organization, pipeline.project)
            })
            .filter_map(|pipeline| pipeline.user)
            .collect();
        pushers.len()
    }

    fn code_suggestions(&self, info: &ResolveInfo<'_>) -> Record {
        let languages = texts(info, "languages");
        let editors = texts(info, "ideNames");
        let is_asked = |asked: &Option<Vec<String>>, value: Option<&str>| {
            asked.as_ref().is_none_or(|asked| value.is_some_and(|value| asked.iter().any(|one| one == value)))
        };
        let (mut shown, mut accepted) = ((0, 0), (0, 0));
        let mut people = HashSet::new();
        let mut seen = (BTreeSet::new(), BTreeSet::new());
        for event in &self.events {
            if !is_asked(&languages, event.language) || !is_asked(&editors, event.ide_name()) {
                continue;
            }
            if is_used_by_contributor(event) {
                people.insert(event.person);
            }
            let sums = match event.event {
                SHOWN => &mut shown,
                ACCEPTED => &mut accepted,
                _ => continue,
            };
            sums.0 += 1;
            sums.1 += event.suggestion_size.unwrap_or(0);
            seen.0.extend(event.language);
            seen.1.extend(event.ide_name());
        }
        let names =
            |names: BTreeSet<&str>| JsonValue::Array(names.into_iter().map(JsonValue::from).collect());
        Record::new("codeSuggestionMetrics")
            .with("shownCount", shown.0)
            .with("shownLinesOfCode", shown.1)
            .with("acceptedCount", accepted.0)
            .with("acceptedLinesOfCode", accepted.1)
            .with("contributorsCount", people.len())
            .with("languages", names(seen.0))
            .with("ideNames", names(seen.1))
    }

    fn agent_platform(&self, info: &ResolveInfo<'_>) -> AgentPlatform {
        let organization = self.context.organization;
        let wanted = texts(info, "flowTypes");
        let unwanted: Vec<String> = info
            .arguments()
            .get("not")
            .and_then(|not| not.as_object()?.get("flowTypes")?.as_array())
            .map(|flows| flows.iter().filter_map(|flow| flow.as_str().map(str::to_string)).collect())
            .unwrap_or_default();
        let session_of = |event: &UsageEvent| {
            event.session.map(|session| (session, &organization.sessions[session as usize]))
        };
        let is_asked = |event: &&UsageEvent| {
            let flow = session_of(event).map(|(_, session)| session.flow_type);
            wanted
                .as_ref()
                .is_none_or(|wanted| flow.is_some_and(|flow| wanted.iter().any(|wanted| wanted == flow)))
                && !flow.is_some_and(|flow| unwanted.iter().any(|unwanted| unwanted == flow))
        };
        let events: Vec<&UsageEvent> = self.events.iter().copied().filter(is_asked).collect();
        let mut flows: BTreeMap<&'static str, Flow> = BTreeMap::new();
        for event in events.iter().filter(|event| event.event == CREATED) {
            let Some((position, session)) = session_of(event) else {
                continue;
            };
            let flow = flows.entry(session.flow_type).or_default();
            flow.created += 1;
            flow.people.insert(event.person);
            if flow.sessions.insert(position) {
                flow.seconds.extend(session.seconds().map(|seconds| seconds as f64));
            }
        }
        AgentPlatform {
            counters: counters("agentPlatformMetrics", &counts(events.into_iter()), info),
            flows: flows
                .into_iter()
                .map(|(name, mut flow)| {
                    let finished = flow.seconds.len() as f64;
                    FlowMetrics {
                        name,
                        created: flow.created,
                        people: flow.people.len(),
                        completed: rounded(100.0 * finished / flow.sessions.len() as f64),
                        median: quantile(&mut flow.seconds, 0.5),
                    }
                })
                .collect(),
        }
    }
}

/// Events 1, 2 and 5 of GitLab's registry make a Code Suggestions user.
fn is_used_by_contributor(event: &UsageEvent) -> bool {
    matches!(
        event.event,
        "CODE_SUGGESTIONS_REQUESTED" | SHOWN | "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH"
    )
}

impl ObjectValue for Metrics<'_> {
    fn type_name(&self) -> &str {
        "AiMetrics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let group = |type_name| {
            let counts = counts(self.events.iter().copied());
            ResolvedValue::object(counters(type_name, &counts, info))
        };
        Ok(match info.field_name() {
            "agentPlatform" => ResolvedValue::object(self.agent_platform(info)),
            "codeSuggestions" => ResolvedValue::object(self.code_suggestions(info)),
            "chat" => group("duoChatMetrics"),
            "codeReview" => group("codeReviewMetrics"),
            "mcp" => group("mcpMetrics"),
            "troubleshoot" => group("troubleshootJobMetrics"),
            "codeContributorsCount" => ResolvedValue::leaf(self.code_contributors()),
            "codeSuggestionsShownCount" => ResolvedValue::leaf(self.count(SHOWN)),
            "codeSuggestionsAcceptedCount" => ResolvedValue::leaf(self.count(ACCEPTED)),
            "codeSuggestionsContributorsCount" => ResolvedValue::leaf(self.people(is_used_by_contributor)),
            "duoUsedCount" => {
                let end = start_of(self.days.1);
                ResolvedValue::leaf(self.people(|event| event.timestamp <= end))
            }
            "duoChatContributorsCount" => {
                ResolvedValue::leaf(self.people(|event| event.event == "REQUEST_DUO_CHAT_RESPONSE"))
            }
            "rootCauseAnalysisUsersCount" => {
                ResolvedValue::leaf(self.people(|event| event.event == "TROUBLESHOOT_JOB"))
            }
            "duoAssignedUsersCount" => ResolvedValue::leaf(self.seats(|_| true)),
            "duoProAssignedUsersCount" => {
                ResolvedValue::leaf(self.seats(|add_on| add_on == "CODE_SUGGESTIONS"))
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

/// The sessions of one flow type that were created in the range.
#[derive(Default)]
struct Flow {
    /// Number of created events.
    created: u32,
    people: HashSet<usize>,
    sessions: HashSet<u32>,
    /// Durations of finished sessions, in seconds.
    seconds: Vec<f64>,
}

struct FlowMetrics {
    name: &'static str,
    created: u32,
    people: usize,
    /// Percent.
    completed: f64,
    /// Seconds.
    median: Option<f64>,
}

struct AgentPlatform {
    counters: Record,
    flows: Vec<FlowMetrics>,
}

impl ObjectValue for AgentPlatform {
    fn type_name(&self) -> &str {
        "agentPlatformMetrics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        if info.field_name() != "flowMetrics" {
            return self.counters.resolve_field(info);
        }
        let mut flows: Vec<&FlowMetrics> = self.flows.iter().collect();
        let sort = text(info, "sort").unwrap_or_default();
        let (column, descending) = match sort.strip_suffix("_DESC") {
            Some(column) => (column, true),
            None => (sort.trim_end_matches("_ASC"), false),
        };
        match column {
            "MEDIAN_TIME" => flows.sort_by(|one, other| compare(one.median, other.median)),
            "SESSIONS_COUNT" => flows.sort_by_key(|flow| flow.created),
            "USERS_COUNT" => flows.sort_by_key(|flow| flow.people),
            _ => {}
        }
        if descending {
            flows.reverse();
        }
        Ok(ResolvedValue::list(flows.into_iter().map(|flow| {
            ResolvedValue::object(
                Record::new("AgentPlatformFlowMetric")
                    .with("flowType", flow.name)
                    .with("sessionsCount", flow.created)
                    .with("usersCount", flow.people)
                    .with("completionRate", flow.completed)
                    .with("medianExecutionTime", flow.median),
            )
        })))
    }
}

/// Orders optional values, missing ones first.
pub(super) fn compare(one: Option<f64>, other: Option<f64>) -> Ordering {
    let lowest = f64::NEG_INFINITY;
    one.unwrap_or(lowest).total_cmp(&other.unwrap_or(lowest))
}

/// Quantile with linear interpolation; `None` without values.
pub(super) fn quantile(values: &mut [f64], quantile: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = quantile.clamp(0.0, 1.0) * values.len().checked_sub(1)? as f64;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Rounded to six decimals.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000_000.0).round() / 1_000_000.0
}
