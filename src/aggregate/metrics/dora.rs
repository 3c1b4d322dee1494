//! The four DORA metrics, as GitLab computes them.

use super::definition::TOTAL;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::coverage::Status;
use crate::model::metric::Reason;
use crate::model::record::DoraMeasure;

pub(super) const FAMILY: Family = Family {
    definitions: &[
        &DEPLOYMENT_FREQUENCY,
        &LEAD_TIME_FOR_CHANGES,
        &TIME_TO_RESTORE_SERVICE,
        &CHANGE_FAILURE_RATE,
    ],
    compute,
};

const DEPLOYMENT_FREQUENCY: Definition = Definition {
    metric: "dora.deployment_frequency",
    title: "Deployment frequency",
    unit: Unit::DeploymentsPerDay,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Deployments to production per day, as GitLab computes them (DORA) for the group and its \
           subgroups, over the days of the month that the coverage includes. Several groups together \
           have no value, for this and the other three DORA metrics: they do not add up.",
};

const LEAD_TIME_FOR_CHANGES: Definition = Definition {
    metric: "dora.lead_time_for_changes_seconds",
    title: "Lead time for changes",
    unit: Unit::Seconds,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Median seconds from the merge of a merge request to its deployment to production, as GitLab computes it (DORA).",
};

const TIME_TO_RESTORE_SERVICE: Definition = Definition {
    metric: "dora.time_to_restore_service_seconds",
    title: "Time to restore service",
    unit: Unit::Seconds,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Median seconds for which an incident was open in production, as GitLab computes it \
           (DORA).",
};

const CHANGE_FAILURE_RATE: Definition = Definition {
    metric: "dora.change_failure_rate",
    title: "Change failure rate",
    unit: Unit::Share(&[]),
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Incidents divided by deployments to production, as GitLab computes it (DORA); GitLab does \
           not return the two counts.",
};

const MEASURES: [(DoraMeasure, &Definition); 4] = [
    (DoraMeasure::DeploymentFrequency, &DEPLOYMENT_FREQUENCY),
    (DoraMeasure::LeadTimeForChanges, &LEAD_TIME_FOR_CHANGES),
    (DoraMeasure::TimeToRestoreService, &TIME_TO_RESTORE_SERVICE),
    (DoraMeasure::ChangeFailureRate, &CHANGE_FAILURE_RATE),
];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if sink.period.grain != Grain::Month || !sink.require(Source::Dora, FAMILY.definitions) {
        return;
    }
    // Each record covers the month up to its day, so the last complete day covers the most.
    let known = view.known_days(Source::Dora, sink.period);
    let Some((day, state)) = known.max_by_key(|(day, state)| (state.status == Status::Complete, *day)) else {
        return;
    };
    sink.cover_up_to(day, state);
    let measures = view.dora.get(&day);
    for (measure, definition) in MEASURES {
        let value = match measures {
            Some(measures) => MetricValue::reported(measures.get(&measure).copied().flatten()),
            None => MetricValue::unknown(Reason::NotInSource),
        };
        sink.emit(definition, &[], value);
    }
}
