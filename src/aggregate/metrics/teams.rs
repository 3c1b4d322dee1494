//! Teams: how many people they have, and the metrics of their people alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::activity::Activity;
use super::definition::TOTAL;
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, FAMILIES, Family, Thresholds, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::teams::{TeamKind, TeamRef, Teams};
use crate::aggregate::view::{Resolved, ScopeKey, View};
use crate::base::calendar::{Grain, Period};
use crate::model::metric::Metric;

pub(super) const FAMILY: Family = Family { definitions: &[&PEOPLE, &OVERLAP], compute: nothing };

/// The grains of teams: days of a team would rest on too few people.
const GRAINS: &[Grain] = &[Grain::Week, Grain::Month, Grain::Window];

const PEOPLE: Definition = Definition {
    metric: "teams.people",
    title: "People in teams",
    unit: Unit::People,
    grains: GRAINS,
    by: &[TOTAL, "team", "cost_center"],
    relations: &[Relation::People],
    text: "People in a team, active or not, without bots. The teams are those of the team file of \
           the settings or, without one, the subgroups with their direct members and those of their \
           own subgroups, by the newest list of members up to the end of the period, else the first \
           one after it. People can be in several teams, and a team can be part of another, so teams \
           do not add up: the total counts everyone once.",
};

const OVERLAP: Definition = Definition {
    metric: "teams.overlap",
    title: "People by combination of teams",
    unit: Unit::People,
    grains: GRAINS,
    by: &["teams", "cost_centers"],
    relations: &[Relation::People],
    text: "People by all teams that they are in, as a JSON array of names. Suppression needs it to \
           decide which values of teams reveal people by subtraction; it is never published.",
};

/// A team of a scope, and the periods in which it has these people.
pub(super) struct TeamReport {
    team: TeamRef,
    people: Arc<PeopleSet>,
    periods: Vec<Period>,
}

/// What the reports of teams have in common.
#[derive(Clone, Copy)]
pub(super) struct TeamContext<'a, 'v> {
    /// The view of the scope.
    pub(super) view: &'a View<'v>,
    /// The activity of the scope.
    pub(super) activity: &'a Activity,
    pub(super) thresholds: Thresholds,
}

/// All values are computed per scope; see [`compute_sizes`].
fn nothing(_: &View<'_>, _: &mut MetricSink<'_, '_>) {}

impl TeamReport {
    /// The teams of these scopes in these periods.
    pub(super) fn all(resolved: &Resolved<'_>, scopes: &[ScopeKey], periods: &[Period]) -> Vec<TeamReport> {
        let mut reports: BTreeMap<TeamRef, Vec<TeamReport>> = BTreeMap::new();
        for period in periods.iter().filter(|period| GRAINS.contains(&period.grain)) {
            for (team, people) in resolved.teams(scopes, period.end) {
                let of_team = reports.entry(team.clone()).or_default();
                match of_team.iter_mut().find(|report| report.people == people) {
                    Some(report) => report.periods.push(*period),
                    None => of_team.push(TeamReport { team, people, periods: vec![*period] }),
                }
            }
        }
        reports.into_values().flatten().collect()
    }

    /// Computes the metrics of the people of the team.
    pub(super) fn compute(&self, context: TeamContext<'_, '_>, metrics: &mut Vec<Metric>) {
        let view = context.view.only(&self.people);
        let activity = context.activity.only(&self.people);
        let (kind, name) = &self.team;
        let dimension = kind.dimension();
        for period in &self.periods {
            for family in FAMILIES.iter().filter(|family| family.is_split_by(dimension)) {
                let mut sink = MetricSink::new(&view, &activity, *period, context.thresholds, metrics);
                sink.team = Some((dimension, name));
                (family.compute)(&view, &mut sink);
            }
        }
    }
}

impl Family {
    /// Whether one of its metrics is split by a dimension.
    fn is_split_by(&self, dimension: &str) -> bool {
        let splits = self.definitions.iter().flat_map(|definition| definition.by);
        splits.flat_map(|split| split.split('×')).any(|name| name == dimension)
    }
}

/// Computes the number of people of each team and of each combination of teams.
pub(super) fn compute_sizes(context: TeamContext<'_, '_>, reports: &[TeamReport], metrics: &mut Vec<Metric>) {
    let periods: BTreeSet<Period> = reports.iter().flat_map(|report| &report.periods).copied().collect();
    for period in periods {
        let mut teams = Teams::new();
        for report in reports.iter().filter(|report| report.periods.contains(&period)) {
            teams.insert(report.team.clone(), report.people.clone());
        }
        let mut sink = MetricSink::new(context.view, context.activity, period, context.thresholds, metrics);
        sink.cover_everything();
        let is_person = |person: &PersonId| !context.view.is_bot(*person, period.end);
        let mut everyone = PeopleSet::default();
        let mut teams_of: BTreeMap<(TeamKind, PersonId), Vec<&str>> = BTreeMap::new();
        for ((kind, name), people) in &teams {
            let mut count = 0;
            for person in people.iter().filter(is_person) {
                count += 1;
                everyone.add(person);
                teams_of.entry((*kind, person)).or_default().push(name);
            }
            sink.emit(&PEOPLE, &[(kind.dimension(), name)], MetricValue::people(count));
        }
        sink.emit(&PEOPLE, &[], MetricValue::people(everyone.len()));
        let mut combinations: BTreeMap<(TeamKind, Vec<&str>), u64> = BTreeMap::new();
        for ((kind, _), names) in teams_of {
            *combinations.entry((kind, names)).or_default() += 1;
        }
        for ((kind, names), people) in combinations {
            let dimension = match kind {
                TeamKind::Team => "teams",
                TeamKind::CostCenter => "cost_centers",
            };
            let names = serde_json::Value::from(names).to_string();
            sink.emit(&OVERLAP, &[(dimension, &names)], MetricValue::people(people));
        }
    }
}
