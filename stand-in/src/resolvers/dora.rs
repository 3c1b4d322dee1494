//! `dora`: the four DORA metrics, based on pipelines and merge requests.
//!
//! A deployment is a finished pipeline of a push, on the day it finished: good if it succeeded, bad
//! if it failed. Frequency: good deployments per day. Failure rate: bad deployments divided by all.
//! Time to restore: from a bad deployment to the next good one of its project, on the day of the
//! latter, median. Lead time: from creation to merge of the merge requests merged that day, median.
//! Times are in seconds; without cases the value is null.

use std::collections::HashMap;

use apollo_compiler::resolvers::{ObjectValue, ResolveInfo, ResolvedValue};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

use super::metrics::{quantile, rounded};
use super::record::Record;
use super::{QueryContext, Resolved, Scope, text, validation};

/// `dora` of a group with its subgroups, or of a project.
pub(super) fn dora<'a>(context: &'a QueryContext<'a>, scope: Scope) -> ResolvedValue<'a> {
    ResolvedValue::object(Dora { context, scope })
}

struct Dora<'q> {
    context: &'q QueryContext<'q>,
    scope: Scope,
}

#[derive(Default)]
struct Bucket {
    days: u32,
    good: u32,
    bad: u32,
    lead_times: Vec<f64>,
    restore_times: Vec<f64>,
}

impl ObjectValue for Dora<'_> {
    fn type_name(&self) -> &str {
        match self.scope {
            Scope::Group(_) => "GroupDora",
            Scope::Project(_) => "Dora",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let today = organization.now().date_naive();
        let date = |name| text(info, name).and_then(validation::day);
        let start = date("startDate").unwrap_or(today - Months::new(3));
        let end = date("endDate").unwrap_or(today);
        let interval = text(info, "interval").unwrap_or("DAILY");
        let first_of = |day: NaiveDate| match interval {
            "ALL" => Some(start),
            "MONTHLY" => day.with_day(1),
            _ => Some(day),
        };
        let mut buckets: Vec<(NaiveDate, Bucket)> = Vec::new();
        let mut places: HashMap<NaiveDate, usize> = HashMap::new();
        for day in start.iter_days().take_while(|day| *day <= end) {
            let first = first_of(day).expect("every month has a first");
            if buckets.last().is_none_or(|(last, _)| *last != first) {
                buckets.push((first, Bucket::default()));
            }
            let place = buckets.len() - 1;
            places.insert(day, place);
            buckets[place].1.days += 1;
        }
        let place_of = |moment: DateTime<Utc>| places.get(&moment.date_naive()).copied();
        for merge_request in &organization.merge_requests {
            if !self.scope.contains(organization, merge_request.project) {
                continue;
            }
            if let Some(merged_at) = merge_request.merged_at
                && let Some(place) = place_of(merged_at)
            {
                let open_for = merged_at - merge_request.created_at;
                buckets[place].1.lead_times.push(open_for.num_seconds() as f64);
            }
        }
        for (finished_at, good, restored_after) in self.deployments() {
            let Some(place) = place_of(finished_at) else {
                continue;
            };
            let bucket = &mut buckets[place].1;
            bucket.good += u32::from(good);
            bucket.bad += u32::from(!good);
            bucket.restore_times.extend(restored_after);
        }
        let records = buckets.into_iter().map(|(first, mut bucket)| {
            let deployments = bucket.good + bucket.bad;
            let failed = (deployments > 0).then(|| f64::from(bucket.bad) / f64::from(deployments));
            ResolvedValue::object(
                Record::new("DoraMetric")
                    .with("date", (interval != "ALL").then(|| first.to_string()))
                    .with("deploymentFrequency", rounded(f64::from(bucket.good) / f64::from(bucket.days)))
                    .with("leadTimeForChanges", quantile(&mut bucket.lead_times, 0.5))
                    .with("timeToRestoreService", quantile(&mut bucket.restore_times, 0.5))
                    .with("changeFailureRate", failed.map(rounded)),
            )
        });
        Ok(ResolvedValue::list(records.collect::<Vec<_>>()))
    }
}

impl Dora<'_> {
    /// End, success, and the seconds since the failure that it ended, in order of the ends.
    fn deployments(&self) -> Vec<(DateTime<Utc>, bool, Option<f64>)> {
        let organization = self.context.organization;
        let mut pipelines: Vec<_> = organization
            .pipelines
            .iter()
            .filter(|pipeline| {
                pipeline.source == "push"
                    && matches!(pipeline.status, "SUCCESS" | "FAILED")
                    && self.scope.contains(organization, pipeline.project)
            })
            .filter_map(|pipeline| Some((pipeline.finished_at?, pipeline)))
            .collect();
        pipelines.sort_by_key(|(finished_at, pipeline)| (*finished_at, pipeline.id));
        let mut broken_since: HashMap<usize, DateTime<Utc>> = HashMap::new();
        let deployments = pipelines.into_iter().map(|(finished_at, pipeline)| {
            if pipeline.status == "FAILED" {
                broken_since.entry(pipeline.project).or_insert(finished_at);
                return (finished_at, false, None);
            }
            let broken_since = broken_since.remove(&pipeline.project);
            let restored_after = broken_since.map(|since| (finished_at - since).num_seconds() as f64);
            (finished_at, true, restored_after)
        });
        deployments.collect()
    }
}
