//! `agentPlatformSessions`: sessions by their events. A session counts once, on the day of its
//! created event; sessions without one do not count.

use std::collections::HashSet;

use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use chrono::{DateTime, Utc};

use super::super::super::organization::{Organization, Session};
use super::super::metrics::{quantile, rounded};
use super::super::record::Record;
use super::super::{Scope, TimeRange};
use super::engine::{Arguments, Fact, Measured, Shared, TypeNames};
use super::{Analytics, Filter};

/// A session with a created event.
#[derive(Clone, Copy)]
pub(super) struct EventSession<'q> {
    session: &'q Session,
    created_at: DateTime<Utc>,
}

impl Scope {
    /// Whether the scope contains the session. A session without a project belongs to the
    /// top-level group itself.
    pub(super) fn has_session(self, organization: &Organization, session: &Session) -> bool {
        match self {
            Scope::Group(group) if organization.groups[group].parent.is_none() => session.group == group,
            scope => session.project.is_some_and(|project| scope.contains(organization, project)),
        }
    }
}

impl<'q> Analytics<'q> {
    /// The sessions that pass the filters.
    pub(super) fn sessions(&self, info: &ResolveInfo<'_>) -> Result<Vec<EventSession<'q>>, FieldError> {
        let organization = self.context.organization;
        let range = TimeRange::read(info, "createdEventAtFrom", "createdEventAtTo")?;
        let flows = Filter::texts(info, "flowType");
        let (users, projects) = (Filter::ids(info, "userId"), Filter::ids(info, "projectId"));
        let sources = self.sources(info)?;
        let is_asked = |session: &&Session| {
            let is_in = |scope: &Scope| scope.has_session(organization, session);
            is_in(&self.scope)
                && range.contains(session.created_at)
                && flows.has_text(Some(session.flow_type))
                && users.has_id(Some(organization.people[session.person].id))
                && projects.has_id(session.project.map(|project| organization.projects[project].id))
                && sources.as_ref().is_none_or(|sources| sources.iter().any(is_in))
        };
        let asked = organization.sessions.iter().filter(is_asked);
        Ok(asked
            .filter_map(|session| Some(EventSession { session, created_at: session.created_at? }))
            .collect())
    }
}

/// Durations of the finished sessions, in seconds.
fn seconds(facts: &[EventSession<'_>]) -> Vec<f64> {
    let seconds = facts.iter().filter_map(|fact| fact.session.seconds());
    seconds.map(|seconds| seconds as f64).collect()
}

fn mean(seconds: &[f64]) -> Option<f64> {
    (!seconds.is_empty()).then(|| rounded(seconds.iter().sum::<f64>() / seconds.len() as f64))
}

impl Fact for EventSession<'_> {
    const TYPES: TypeNames = TypeNames {
        scope: "AgentPlatformSessionsAggregationScope",
        connection: "AgentPlatformSessionsAggregationResponseConnection",
        edge: "AgentPlatformSessionsAggregationResponseEdge",
        row: "AgentPlatformSessionsAggregationResponse",
        dimensions: "AgentPlatformSessionsAggregationResponseDimensions",
    };
    const TIME: &'static str = "createdEventAt";
    const OLD_GRANULARITIES: &'static [&'static str] = &["weekly", "monthly"];

    fn time(self) -> DateTime<Utc> {
        self.created_at
    }

    fn dimension(self, name: &str) -> Option<Shared> {
        Some(match name {
            "flowType" => Shared::Text(Some(self.session.flow_type)),
            "user" => Shared::Person(self.session.person),
            "project" => Shared::Project(self.session.project),
            _ => return None,
        })
    }

    fn metric(facts: &[Self], name: &str, arguments: &Arguments) -> Option<Measured> {
        let mut seconds = seconds(facts);
        let share = arguments.quantile.unwrap_or(0.5);
        Some(match name {
            "totalCount" => facts.len().into(),
            "finishedCount" => seconds.len().into(),
            "usersCount" => facts.iter().map(|fact| fact.session.person).collect::<HashSet<_>>().len().into(),
            "featuresCount" => {
                facts.iter().map(|fact| fact.session.flow_type).collect::<HashSet<_>>().len().into()
            }
            "completionRate" => {
                let (finished, all) = (seconds.len() as f64, facts.len() as f64);
                (all > 0.0).then(|| rounded(finished / all)).into()
            }
            "meanDuration" => mean(&seconds).into(),
            "durationQuantile" => quantile(&mut seconds, share).into(),
            "duration" => Measured::Object(
                Record::new("AgentPlatformSessionsAggregationResponseDurationMetrics")
                    .with("max", quantile(&mut seconds, 1.0).map(|seconds| seconds as i64))
                    .with("min", quantile(&mut seconds, 0.0).map(|seconds| seconds as i64))
                    .with("mean", mean(&seconds))
                    .with("sum", seconds.iter().sum::<f64>())
                    .with("quantile", quantile(&mut seconds, share)),
            ),
            _ => return None,
        })
    }
}
