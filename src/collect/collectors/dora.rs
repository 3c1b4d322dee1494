//! GitLab's own DORA figures. They are medians and rates, which do not add up: each day tells those of its month up
//! to that day, so that the last day of a month tells the month, whatever range was asked for.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{denied, unusable, value_at};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::line::{self, Record};
use crate::model::record::{Dora, DoraMeasure, Origin};
use crate::model::topic::Topic;

/// The collector `dora`.
pub struct DoraFigures;

const ABOUT: About = About {
    name: "dora",
    topic: Topic::Project,
    standing: Standing::Extra,
    needs: "the role Reporter in the group, and GitLab Ultimate",
    level: Level::Group,
    document: include_str!("dora.graphql"),
    span: Span::Day,
    keeps_days: None,
};

const FIELDS: [&str; 4] =
    ["deploymentFrequency", "leadTimeForChanges", "timeToRestoreService", "changeFailureRate"];

impl Collector for DoraFigures {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        _part: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let month = Period::holding(Grain::Month, unit.until, unit.until);
        let variables = json!({"scope": unit.scope, "start": month.start, "end": unit.until});
        let answer = gitlab.query(ABOUT.document, "Dora", &variables)?;
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
            #[serde(default, deserialize_with = "told")]
            deployment_frequency: Option<Option<f64>>,
            #[serde(default, deserialize_with = "told")]
            lead_time_for_changes: Option<Option<f64>>,
            #[serde(default, deserialize_with = "told")]
            time_to_restore_service: Option<Option<f64>>,
            #[serde(default, deserialize_with = "told")]
            change_failure_rate: Option<Option<f64>>,
        }
        let node: Node = line::parse(node)?;
        let told = [
            (DoraMeasure::DeploymentFrequency, node.deployment_frequency),
            (DoraMeasure::LeadTimeForChanges, node.lead_time_for_changes),
            (DoraMeasure::TimeToRestoreService, node.time_to_restore_service),
            (DoraMeasure::ChangeFailureRate, node.change_failure_rate),
        ];
        let mut told = told.into_iter().filter_map(|(measure, value)| Some((measure, value?)));
        let (Some((measure, value)), None) = (told.next(), told.next()) else {
            return Err("not one figure but none or several".to_owned());
        };
        Ok(Record::Dora(Dora { origin, measure, period: node.date, value }))
    }
}

/// A null is told, too: it is another thing than a field that is not there.
fn told<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
