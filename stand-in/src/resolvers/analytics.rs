//! `analytics.agentPlatformSessions`: sessions grouped by the dimensions that the query selects.
//!
//! A session counts once, on the day of its created event; sessions without one do not count.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Selection, SelectionSet, Value as Literal};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use chrono::{Datelike, NaiveDate, TimeDelta};

use super::super::catalog::camel_case;
use super::super::complexity::MAX_PAGE_SIZE;
use super::super::organization::Session;
use super::metrics::{compare, quantile, rounded};
use super::record::{Record, Rows};
use super::{Kind, QueryContext, Resolved, Scope, TimeRange, error, text, texts, validation};

/// Maximum number of groups and projects in `descendantsScope`.
const MAX_SOURCES: usize = 20;

/// `analytics`; null without ClickHouse.
pub(super) fn analytics<'a>(context: &'a QueryContext<'a>, scope: Scope) -> ResolvedValue<'a> {
    if !context.settings.clickhouse {
        return ResolvedValue::null();
    }
    ResolvedValue::object(Analytics { context, scope })
}

struct Analytics<'q> {
    context: &'q QueryContext<'q>,
    scope: Scope,
}

impl ObjectValue for Analytics<'_> {
    fn type_name(&self) -> &str {
        "Analytics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        match info.field_name() {
            "agentPlatformSessions" => {
                let sessions = self.sessions(info)?;
                Ok(ResolvedValue::object(Sessions { context: self.context, sessions }))
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl<'q> Analytics<'q> {
    fn sessions(&self, info: &ResolveInfo<'_>) -> Result<Vec<&'q Session>, FieldError> {
        let organization = self.context.organization;
        let created = TimeRange::read(info, "createdEventAtFrom", "createdEventAtTo")?;
        let flows = texts(info, "flowType");
        let (projects, no_projects) = (numbers(info, "projectId"), numbers(info, "projectIdNot"));
        let (users, no_users) = (numbers(info, "userId"), numbers(info, "userIdNot"));
        let sources = self.sources(info)?;
        let is_asked = |session: &&Session| {
            let user = organization.people[session.person].id;
            let project = session.project.map(|project| organization.projects[project].id);
            let inside = match self.scope {
                Scope::Group(group) if organization.groups[group].parent.is_none() => session.group == group,
                scope => session.project.is_some_and(|project| scope.contains(organization, project)),
            };
            inside
                && session.created_at.is_some()
                && created.contains(session.created_at)
                && flows.as_ref().is_none_or(|flows| flows.iter().any(|flow| flow == session.flow_type))
                && projects.as_ref().is_none_or(|ids| project.is_some_and(|project| ids.contains(&project)))
                && no_projects.as_ref().is_none_or(|ids| !project.is_some_and(|one| ids.contains(&one)))
                && users.as_ref().is_none_or(|ids| ids.contains(&user))
                && no_users.as_ref().is_none_or(|ids| !ids.contains(&user))
                && sources.as_ref().is_none_or(|sources| {
                    let project = session.project;
                    project
                        .is_some_and(|project| sources.iter().any(|one| one.contains(organization, project)))
                })
        };
        Ok(organization.sessions.iter().filter(is_asked).collect())
    }

    /// The groups and projects of `descendantsScope`.
    fn sources(&self, info: &ResolveInfo<'_>) -> Result<Option<Vec<Scope>>, FieldError> {
        let organization = self.context.organization;
        let Some(given) = info.arguments().get("descendantsScope").and_then(JsonValue::as_object) else {
            return Ok(None);
        };
        let paths = |name| {
            let paths = given.get(name).and_then(JsonValue::as_array).into_iter().flatten();
            paths.filter_map(JsonValue::as_str)
        };
        let groups = paths("groupFullPaths");
        let projects = paths("projectFullPaths");
        if groups.clone().count() + projects.clone().count() > MAX_SOURCES {
            return Err(error(format!("descendantsScope is limited to {MAX_SOURCES} sources")));
        }
        let groups = groups.filter_map(|path| organization.group(path)).map(Scope::Group);
        let projects = projects.filter_map(|path| organization.project(path)).map(Scope::Project);
        Ok(Some(groups.chain(projects).collect()))
    }
}

/// Ids, given as numbers or global ids.
fn numbers(info: &ResolveInfo<'_>, name: &str) -> Option<Vec<u64>> {
    let ids = texts(info, name)?;
    Some(ids.iter().filter_map(|id| id.rsplit('/').next()?.parse().ok()).collect())
}

struct Sessions<'q> {
    context: &'q QueryContext<'q>,
    sessions: Vec<&'q Session>,
}

impl ObjectValue for Sessions<'_> {
    fn type_name(&self) -> &str {
        "AgentPlatformSessionsAggregationScope"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        self.context.check_time(self.type_name(), info)?;
        let dimensions = self.dimensions(info);
        let mut groups: BTreeMap<Vec<String>, Vec<&Session>> = BTreeMap::new();
        if dimensions.is_empty() {
            groups.insert(Vec::new(), self.sessions.clone());
        } else {
            for session in &self.sessions {
                let key: Result<Vec<String>, FieldError> =
                    dimensions.iter().map(|dimension| dimension.key(self.context, session)).collect();
                groups.entry(key?).or_default().push(session);
            }
        }
        let mut rows: Vec<(String, Row<'a>)> = groups
            .into_iter()
            .map(|(key, sessions)| (key.join("|"), Row { context: self.context, sessions }))
            .collect();
        let bound = |name| info.arguments().get(name).and_then(JsonValue::as_u64);
        rows.retain(|(_, row)| {
            let count = row.features() as u64;
            bound("featuresCountFrom").is_none_or(|from| from <= count)
                && bound("featuresCountTo").is_none_or(|to| count <= to)
        });
        let orders = info.arguments().get("orderBy").and_then(JsonValue::as_array).into_iter().flatten();
        let mut orders: Vec<(String, bool)> = orders.filter_map(order_of).collect();
        let sort = format!("{orders:?}");
        // In reverse: the sort is stable, so the first order takes precedence.
        orders.reverse();
        for (identifier, descending) in &orders {
            let dimension = dimensions.iter().find(|dimension| dimension.name == *identifier);
            if dimension.is_none() && rows.iter().any(|(_, row)| row.metric(identifier).is_err()) {
                return Err(error(format!("\"{identifier}\" is neither a selected dimension nor a metric")));
            }
            let order = |(_, one): &(String, Row<'_>), (_, other): &(String, Row<'_>)| match dimension {
                Some(dimension) => {
                    let key = |row: &Row<'_>| {
                        let session = row.sessions.first()?;
                        dimension.key(self.context, session).ok()
                    };
                    key(one).cmp(&key(other))
                }
                None => match (one.metric(identifier), other.metric(identifier)) {
                    (Ok(one), Ok(other)) => compare(one, other),
                    _ => Ordering::Equal,
                },
            };
            if *descending {
                rows.sort_by(|one, other| order(other, one));
            } else {
                rows.sort_by(order);
            }
        }
        Rows::resolve(
            self.context,
            (
                "AgentPlatformSessionsAggregationResponseConnection",
                "AgentPlatformSessionsAggregationResponseEdge",
            ),
            (&sort, MAX_PAGE_SIZE),
            rows,
            info,
        )
    }
}

/// The identifier, and whether the order is descending.
fn order_of(order: &JsonValue) -> Option<(String, bool)> {
    let identifier = order.get("identifier")?.as_str()?;
    let identifier = if identifier.contains('_') { camel_case(identifier) } else { identifier.to_string() };
    Some((identifier, order.get("direction")?.as_str()? == "DESC"))
}

/// A dimension that the query selects.
#[derive(PartialEq)]
struct Dimension {
    name: String,
    granularity: Option<String>,
    origin: Option<String>,
}

impl Dimension {
    /// The value that the sessions of one row share; rows are sorted by it.
    fn key(&self, context: &QueryContext<'_>, session: &Session) -> Result<String, FieldError> {
        let organization = context.organization;
        Ok(match self.name.as_str() {
            "flowType" => session.flow_type.to_string(),
            "user" => format!("{:09}", organization.people[session.person].id),
            "project" => match session.project {
                Some(project) => format!("{:09}", organization.projects[project].id),
                None => String::new(),
            },
            _ => {
                let day = bucket(session, self.granularity.as_deref(), self.origin.as_deref())?;
                day.map(|day| day.to_string()).unwrap_or_default()
            }
        })
    }
}

/// First day of the bucket of the session's created event; buckets are days by default.
fn bucket(
    session: &Session,
    granularity: Option<&str>,
    origin: Option<&str>,
) -> Result<Option<NaiveDate>, FieldError> {
    let Some(day) = session.created_at.map(|moment| moment.date_naive()) else {
        return Ok(None);
    };
    let first = match granularity.unwrap_or("daily") {
        "daily" => Some(day),
        "weekly" => Some(day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()))),
        "monthly" => day.with_day(1),
        text => text
            .strip_suffix('d')
            .and_then(|days| days.parse::<i64>().ok())
            .filter(|days| (1..400).contains(days))
            .map(|days| {
                let origin = origin.and_then(validation::moment).unwrap_or_default().date_naive();
                day - TimeDelta::days((day - origin).num_days().rem_euclid(days))
            }),
    };
    let refusal = || error(format!("\"{}\" is not a valid granularity", granularity.unwrap_or_default()));
    first.map(Some).ok_or_else(refusal)
}

impl Sessions<'_> {
    /// The dimensions selected below `nodes` and `edges`, whatever their aliases.
    fn dimensions(&self, info: &ResolveInfo<'_>) -> Vec<Dimension> {
        let document = info.document();
        let mut dimensions = Vec::new();
        for field in info.field_selections() {
            let mut nodes = named(document, &field.selection_set, "nodes");
            for edges in named(document, &field.selection_set, "edges") {
                nodes.extend(named(document, &edges.selection_set, "node"));
            }
            for node in nodes {
                for selected in named(document, &node.selection_set, "dimensions") {
                    for field in fields(document, &selected.selection_set) {
                        let dimension = Dimension {
                            name: field.name.to_string(),
                            granularity: self.argument(field, "granularity"),
                            origin: self.argument(field, "origin"),
                        };
                        if !field.name.starts_with("__") && !dimensions.contains(&dimension) {
                            dimensions.push(dimension);
                        }
                    }
                }
            }
        }
        dimensions
    }

    fn argument(&self, field: &Field, name: &str) -> Option<String> {
        match field.specified_argument_by_name(name)?.as_ref() {
            Literal::Variable(variable) => {
                Some(self.context.variables.get(variable.as_str())?.as_str()?.to_string())
            }
            literal => literal.as_str().map(str::to_string),
        }
    }
}

fn named<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, name: &str) -> Vec<&'a Field> {
    let mut fields = fields(document, set);
    fields.retain(|field| field.name == name);
    fields
}

/// The fields of a selection, including those of fragments.
fn fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Vec<&'a Field> {
    let fields_of = |selection: &'a Selection| match selection {
        Selection::Field(field) => vec![&**field],
        Selection::InlineFragment(inline) => fields(document, &inline.selection_set),
        Selection::FragmentSpread(spread) => match spread.fragment_def(document) {
            Some(fragment) => fields(document, &fragment.selection_set),
            None => Vec::new(),
        },
    };
    set.selections.iter().flat_map(fields_of).collect()
}

/// The sessions with the same dimensions.
struct Row<'q> {
    context: &'q QueryContext<'q>,
    sessions: Vec<&'q Session>,
}

impl Row<'_> {
    fn features(&self) -> usize {
        let flows: HashSet<&str> = self.sessions.iter().map(|session| session.flow_type).collect();
        flows.len()
    }

    fn users(&self) -> usize {
        let people: HashSet<usize> = self.sessions.iter().map(|session| session.person).collect();
        people.len()
    }

    /// Durations of the finished sessions, in seconds.
    fn seconds(&self) -> Vec<f64> {
        let seconds = self.sessions.iter().filter_map(|session| session.seconds());
        seconds.map(|seconds| seconds as f64).collect()
    }

    fn mean(&self) -> Option<f64> {
        let seconds = self.seconds();
        (!seconds.is_empty()).then(|| rounded(seconds.iter().sum::<f64>() / seconds.len() as f64))
    }

    fn completion(&self) -> Option<f64> {
        let (finished, all) = (self.seconds().len() as f64, self.sessions.len() as f64);
        (all > 0.0).then(|| rounded(finished / all))
    }

    /// A metric by its name; an error for an unknown name.
    fn metric(&self, name: &str) -> Result<Option<f64>, ()> {
        Ok(match name {
            "totalCount" => Some(self.sessions.len() as f64),
            "finishedCount" => Some(self.seconds().len() as f64),
            "usersCount" => Some(self.users() as f64),
            "featuresCount" => Some(self.features() as f64),
            "completionRate" => self.completion(),
            "meanDuration" | "duration" => self.mean(),
            "durationQuantile" => quantile(&mut self.seconds(), 0.5),
            _ => return Err(()),
        })
    }
}

impl ObjectValue for Row<'_> {
    fn type_name(&self) -> &str {
        "AgentPlatformSessionsAggregationResponse"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        Ok(match info.field_name() {
            "dimensions" => ResolvedValue::object(Dimensions { row: self }),
            "totalCount" => ResolvedValue::leaf(self.sessions.len()),
            "finishedCount" => ResolvedValue::leaf(self.seconds().len()),
            "usersCount" => ResolvedValue::leaf(self.users()),
            "featuresCount" => ResolvedValue::leaf(self.features()),
            "completionRate" => ResolvedValue::leaf(self.completion()),
            "meanDuration" => ResolvedValue::leaf(self.mean()),
            "durationQuantile" => ResolvedValue::leaf(quantile(&mut self.seconds(), share(info))),
            "duration" => ResolvedValue::object(Duration { row: self }),
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

fn share(info: &ResolveInfo<'_>) -> f64 {
    info.arguments().get("quantile").and_then(JsonValue::as_f64).unwrap_or(0.5)
}

struct Dimensions<'r> {
    row: &'r Row<'r>,
}

impl ObjectValue for Dimensions<'_> {
    fn type_name(&self) -> &str {
        "AgentPlatformSessionsAggregationResponseDimensions"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let context = self.row.context;
        // All sessions of a row have the same dimensions.
        let Some(session) = self.row.sessions.first() else {
            return Ok(ResolvedValue::null());
        };
        Ok(match info.field_name() {
            "flowType" => ResolvedValue::leaf(session.flow_type),
            "user" => ResolvedValue::object(context.node(Kind::User("UserCore", session.person))),
            "project" => match session.project {
                Some(project) => ResolvedValue::object(context.node(Kind::Project(project))),
                None => ResolvedValue::null(),
            },
            "createdEventAt" => {
                let day = bucket(session, text(info, "granularity"), text(info, "origin"))?;
                ResolvedValue::leaf(day.map(|day| day.to_string()))
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

struct Duration<'r> {
    row: &'r Row<'r>,
}

impl ObjectValue for Duration<'_> {
    fn type_name(&self) -> &str {
        "AgentPlatformSessionsAggregationResponseDurationMetrics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let mut seconds = self.row.seconds();
        let record = Record::new(self.type_name().to_string())
            .with("max", quantile(&mut seconds, 1.0).map(|seconds| seconds as i64))
            .with("min", quantile(&mut seconds, 0.0).map(|seconds| seconds as i64))
            .with("mean", self.row.mean())
            .with("sum", seconds.iter().sum::<f64>())
            .with("quantile", quantile(&mut seconds, share(info)));
        record.leaf(info).ok_or_else(|| self.unknown_field_error(info))
    }
}
