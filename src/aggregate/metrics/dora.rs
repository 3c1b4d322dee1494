//! The four DORA figures, as GitLab gives them.

use super::definition::TOTAL;
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::record::{DoraMeasure, Reason, Status};

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
    unit: Unit::DeploymentsADay,
    grains: &[Grain::Month],
    by: &[TOTAL],
    text: "Deployments to production a day, as GitLab computes them (DORA) for the group and its subgroups over the days of \
           the month that the coverage speaks of. Several groups together have no such figure, here and in the other three: \
           it does not add up.",
};

const LEAD_TIME_FOR_CHANGES: Definition = Definition {
    metric: "dora.lead_time_for_changes_seconds",
    title: "Lead time for changes",
    unit: Unit::Seconds,
    grains: &[Grain::Month],
    by: &[TOTAL],
    text: "Median seconds from the merge of a merge request to its deployment to production, as GitLab computes it (DORA).",
};

const TIME_TO_RESTORE_SERVICE: Definition = Definition {
    metric: "dora.time_to_restore_service_seconds",
    title: "Time to restore service",
    unit: Unit::Seconds,
    grains: &[Grain::Month],
    by: &[TOTAL],
    text: "Median seconds that an incident was open in production, as GitLab computes it (DORA).",
};

const CHANGE_FAILURE_RATE: Definition = Definition {
    metric: "dora.change_failure_rate",
    title: "Change failure rate",
    unit: Unit::Share(&[]),
    grains: &[Grain::Month],
    by: &[TOTAL],
    text: "Incidents divided by deployments to production, as GitLab computes it (DORA); GitLab tells neither of the two.",
};

const MEASURES: [(DoraMeasure, &Definition); 4] = [
    (DoraMeasure::DeploymentFrequency, &DEPLOYMENT_FREQUENCY),
    (DoraMeasure::LeadTimeForChanges, &LEAD_TIME_FOR_CHANGES),
    (DoraMeasure::TimeToRestoreService, &TIME_TO_RESTORE_SERVICE),
    (DoraMeasure::ChangeFailureRate, &CHANGE_FAILURE_RATE),
];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if page.period.grain != Grain::Month || !page.rest_on(Source::Dora, FAMILY.definitions) {
        return;
    }
    // Each day speaks of the month up to it, so the last one that is whole says most.
    let known = view.known_days(Source::Dora, page.period);
    let Some((day, state)) = known.max_by_key(|(day, state)| (state.status == Status::Complete, *day)) else {
        return;
    };
    page.rest_on_days_up_to(day, state);
    let told = view.dora.get(&day);
    for (measure, definition) in MEASURES {
        let figure = match told {
            Some(told) => Figure::as_given(told.get(&measure).copied().flatten()),
            None => Figure::unknown(Reason::NotInSource),
        };
        page.emit(definition, &[], figure);
    }
}
