//! GitLab's own DORA metrics. They are medians and rates, which cannot be added up. The row of a
//! day has the values of its month up to that day, so the last day of a month has those of the
//! whole month, whatever range was requested.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{denied, unusable, value_at};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::line::{self, Record};
use crate::model::record::{Dora, DoraMeasure, Origin};
use crate::model::topic::Topic;

/// The collector `dora`.
pub struct DoraMetrics;

const INFO: CollectorInfo = CollectorInfo {
    name: "dora",
    topic: Topic::Project,
    requirement: Requirement::Optional,
    needs: "the role Reporter in the group, and GitLab Ultimate",
    level: Level::Group,
    document: include_str!("dora.graphql"),
    span: Span::Day,
    retention_days: None,
};

const FIELDS: [&str; 4] =
    ["deploymentFrequency", "leadTimeForChanges", "timeToRestoreService", "changeFailureRate"];

impl Collector for DoraMetrics {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let month = Period::containing(Grain::Month, target.until, target.until);
        let variables = json!({"scope": target.scope, "start": month.start, "end": target.until});
        let answer = gitlab.query(INFO.document, "Dora", &variables)?;
        let mut nodes: Vec<&RawValue> = Vec::new();
        for field in FIELDS {
            let list = value_at(answer.data.get(), &["group", "dora", field])?
                .ok_or_else(|| denied("group.dora"))?;
            let list: Vec<&RawValue> = serde_json::from_str(list)
                .map_err(|_| unusable(&format!("group.dora.{field}"), "it is not a list"))?;
            nodes.extend(list);
        }
        sink.page(&nodes, &answer)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node {
            date: Day,
            #[serde(default, deserialize_with = "nullable")]
            deployment_frequency: Option<Option<f64>>,
            #[serde(default, deserialize_with = "nullable")]
            lead_time_for_changes: Option<Option<f64>>,
            #[serde(default, deserialize_with = "nullable")]
            time_to_restore_service: Option<Option<f64>>,
            #[serde(default, deserialize_with = "nullable")]
            change_failure_rate: Option<Option<f64>>,
        }
        let node: Node = line::parse(node)?;
        let values = [
            (DoraMeasure::DeploymentFrequency, node.deployment_frequency),
            (DoraMeasure::LeadTimeForChanges, node.lead_time_for_changes),
            (DoraMeasure::TimeToRestoreService, node.time_to_restore_service),
            (DoraMeasure::ChangeFailureRate, node.change_failure_rate),
        ];
        let mut present = values.into_iter().filter_map(|(measure, value)| Some((measure, value?)));
        let (Some((measure, value)), None) = (present.next(), present.next()) else {
            return Err("expected one DORA metric, found none or several".to_owned());
        };
        Ok(Record::Dora(Dora { origin, measure, period: node.date, value }))
    }
}

/// Distinguishes null (`Some(None)`) from a missing field (`None`).
fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
