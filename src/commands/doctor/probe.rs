//! Checks of the collectors: requests the first page of each.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::DOCUMENT;
use super::check::Check;
use crate::base::calendar::Day;
use crate::base::error::Error;
use crate::collect::collectors::{Answer, Collector, Fault, FetchTarget, GraphQl, Sink};
use crate::collect::gitlab::SchemaAwareClient;
use crate::collect::request_log::requests_of;
use crate::model::line;
use crate::model::scope::INSTANCE_SCOPE;

/// Whether a run needs a collector. A refusal is a gap only if the user named the collector.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    NotSelected,
    Default,
    Named,
}

/// The result of the first page of a collector.
#[derive(Default)]
pub(super) struct FirstPage {
    /// `None` if there was no page.
    pub(super) rows: Option<usize>,
    pub(super) with_people: usize,
    /// Whether the collector can be read, with rows or without.
    pub(super) is_readable: bool,
}

impl Sink for FirstPage {
    /// Ends the walk after one page, with the error that a closed output causes.
    fn page(&mut self, nodes: &[&RawValue], _: &Answer) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            user: Option<&'a RawValue>,
        }
        let has_user =
            |node: &&&RawValue| line::parse::<Node<'_>>(node.get()).is_ok_and(|node| node.user.is_some());
        self.rows = Some(nodes.len());
        self.with_people = nodes.iter().filter(has_user).count();
        Err(Fault::Sink(Error::BrokenPipe))
    }
}

/// What a collector needs, as a sentence.
pub(super) fn needs(collector: &dyn Collector) -> String {
    format!("it needs {}", collector.info().needs)
}

/// Sends the first request of a collector for one day and stops after the first page.
pub(super) fn collector_check(
    gitlab: &SchemaAwareClient<'_>,
    collector: &'static dyn Collector,
    scope: &str,
    day: Day,
    need: Need,
    first: &mut FirstPage,
) -> Check {
    let place = if scope == INSTANCE_SCOPE { "the instance" } else { scope };
    let name = format!("{} of {place}", collector.name());
    let target = FetchTarget { scope, since: day, until: day };
    let requests = requests_of(collector, &target, None);
    let partitions = collector.partitions(gitlab, &target, &mut |_| {});
    let result = partitions.and_then(|partitions| match partitions.first() {
        Some(partition) => collector.collect(gitlab, &target, partition, first),
        None => Ok(()),
    });
    drop(requests);
    first.is_readable = first.rows.is_some() || result.is_ok();
    match (result, first.rows) {
        (_, Some(0)) => Check::note(
            &name,
            "readable, but empty for yesterday",
            "it was a quiet day, or nobody uses the feature",
        ),
        (_, Some(_)) => Check::ok(&name, "readable".to_owned()),
        (Ok(()), None) => Check::note(&name, "readable, but empty", "the group has no projects"),
        (Err(fault @ (Fault::Unsupported(_) | Fault::NotEnabled(_) | Fault::Denied(_))), None) => {
            match need {
                Need::Named => Check::fail(&name, fault.text(), Some(&needs(collector))),
                Need::Default => Check::note(&name, fault.text(), &needs(collector)),
                Need::NotSelected => {
                    Check::note(&name, fault.text(), &format!("{}; a run does not use it", needs(collector)))
                }
            }
        }
        (Err(fault), None) if need == Need::NotSelected => {
            Check::note(&name, fault.text(), "a run does not use it")
        }
        (Err(fault), None) => Check::fail(&name, fault.text(), None),
    }
}

/// Checks that events have users. Without them, people cannot be counted.
pub(super) fn people_check(group: &str, events: usize, with_people: usize) -> Check {
    let name = format!("people of {group}");
    if events == 0 {
        Check::note(&name, "unknown, because there was no event", "check again after a working day")
    } else if events == with_people {
        Check::ok(&name, "every event has a user".to_owned())
    } else {
        Check::fail(
            &name,
            &format!("{} of {events} events have no user", events - with_people),
            Some("the token's user must be able to see the members of the group"),
        )
    }
}

/// Checks whether GitLab has ClickHouse. Without it, GitLab deletes usage events after three
/// months.
pub(super) fn clickhouse_check(gitlab: &SchemaAwareClient<'_>, group: &str, day: Day) -> Check {
    let name = format!("history of {group}");
    let answer = gitlab.query(DOCUMENT, "DoctorClickHouse", &json!({"scope": group, "day": day}));
    match answer {
        Ok(answer) if !answer.data.get().contains("null") => {
            Check::ok(&name, "GitLab has ClickHouse and keeps usage events".to_owned())
        }
        Ok(_) | Err(Fault::Answer(_) | Fault::Denied(_) | Fault::Unsupported(_) | Fault::NotEnabled(_)) => {
            Check::note(
                &name,
                "no ClickHouse found, so GitLab keeps usage events for three months",
                "collect at least once a month, and keep the history",
            )
        }
        Err(fault) => Check::fail(&name, fault.text(), None),
    }
}
