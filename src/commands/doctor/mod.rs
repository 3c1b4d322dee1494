//! `doctor`: checks URL, token, permissions and collectors before the first run, and explains how
//! to fix what fails.

mod access;
mod check;
mod probe;

use std::io::Write;

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome};
use crate::cli::DoctorArgs;
use crate::collect::collectors::{COLLECTORS, Collector, CollectorInfo, Fault, Level, Requirement, by_name};
use crate::collect::gitlab::{Client, SchemaAwareClient, preflight};
use crate::collect::selection::Selection;
use crate::commands::connection::connect;
use crate::commands::fetch::AGGREGATES;
use crate::model::scope::top_level;
use crate::model::topic::Topic;
use crate::system::settings::{Environment, Switch};
use crate::system::summary::Summary;
use crate::system::terminal::stdout_painter;

use access::{pages_check, role_check, tier_check, token_check, token_info, version_check};
pub(super) use check::Check;
use check::{CheckWriter, Status};
use probe::{FirstPage, Need, clickhouse_check, collector_check, needs, people_check};

/// The queries of `doctor` itself.
const DOCUMENT: &str = include_str!("doctor.graphql");

/// Runs the command. The exit code is the one that a run would have: 0 if everything works, 3 if
/// something does not, 69 if no enabled dashboard would have anything to show, and 75, 77 or 78 if
/// GitLab cannot be asked.
pub fn run(
    args: &DoctorArgs,
    environment: &Environment,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let groups = environment.groups(&args.gitlab.groups)?;
    let switches = environment.switches(Switch::Unset, Switch::Unset)?;
    let selection = Selection::new(&[], switches, environment)?;
    let topics = [Topic::Duo, Topic::Project].into_iter();
    let topics = topics.filter(|topic| !selection.is_named && switches.is_on(*topic));
    let mut dashboards: Vec<Dashboard> = topics.map(Dashboard::new).collect();
    let (client, instance, now) = connect(&args.gitlab, environment)?;
    let mut checks = CheckWriter::new(args.format, stdout_painter(), stdout);

    let groups = check_connection(&client, instance.as_str(), &groups, now, &mut checks)?;
    let documents: Vec<&str> =
        COLLECTORS.iter().map(|collector| collector.info().document).chain([DOCUMENT]).collect();
    let gitlab = SchemaAwareClient::new(&client, &documents, 1).map_err(Fault::into_error)?;
    checks.add(version_check(&gitlab))?;
    let yesterday = now.day().plus(-1);
    let mut collectors =
        CollectorChecks { gitlab: &gitlab, selection: &selection, yesterday, has_named: false };
    for group in &groups {
        checks.add(Check::ok(&format!("group {group}"), "found and readable".to_owned()))?;
        checks.add(role_check(&client, group))?;
        checks.add(tier_check(&client, group))?;
        let readable = collectors.check_group(group, &mut checks)?;
        for dashboard in &mut dashboards {
            checks.add(dashboard.check(group, &readable))?;
        }
        checks.add(clickhouse_check(&gitlab, group, yesterday))?;
    }
    collectors.check_other_levels(&groups, &mut checks)?;
    checks.add(pages_check(&client, environment))?;
    let failed = checks.failed();
    summary.field("failed", failed);
    let has_dashboard = dashboards.iter().any(|dashboard| dashboard.has_any);
    let is_enough = if selection.is_named { collectors.has_named } else { has_dashboard };
    if !is_enough {
        return Err(Error::Unavailable(
            "nothing to collect here: no core collector can be read; see the failed checks".to_owned(),
        ));
    }
    Ok(if failed == 0 { Outcome::Complete } else { Outcome::Partial })
}

/// Checks that GitLab answers, the token, and the groups. Returns the paths of the groups with
/// GitLab's capitalization. Fails if no further check makes sense.
fn check_connection(
    client: &Client,
    url: &str,
    groups: &[String],
    now: Timestamp,
    checks: &mut CheckWriter<impl Write>,
) -> Result<Vec<String>, Error> {
    let info = match token_info(client) {
        Err(fault @ (Fault::Transient(_) | Fault::Configuration(_))) => {
            checks.add(Check::fail("gitlab", fault.text(), None))?;
            return Err(fault.into_error());
        }
        info => info,
    };
    checks.add(Check::ok("gitlab", format!("{url} answers")))?;
    let token = token_check(info, now);
    let is_refused = token.status == Status::Fail;
    checks.add(token)?;
    if let Err(fault) = preflight(client, &[]) {
        if !is_refused {
            checks.add(Check::fail("api", fault.text(), None))?;
        }
        return Err(fault.into_error());
    }
    match preflight(client, groups) {
        Ok(groups) => Ok(groups),
        Err(fault) => {
            let check = if matches!(fault, Fault::Configuration(_)) { "group" } else { "api" };
            checks.add(Check::fail(check, fault.text(), None))?;
            Err(fault.into_error())
        }
    }
}

/// The checks of the collectors.
struct CollectorChecks<'a> {
    gitlab: &'a SchemaAwareClient<'a>,
    selection: &'a Selection,
    yesterday: Day,
    /// Whether a collector that the user named can be read.
    has_named: bool,
}

impl CollectorChecks<'_> {
    /// Checks the collectors of groups in this group. Returns the names of those that can be read.
    fn check_group(
        &mut self,
        group: &str,
        checks: &mut CheckWriter<impl Write>,
    ) -> Result<Vec<&'static str>, Error> {
        let mut readable = Vec::new();
        for collector in COLLECTORS.iter().copied().filter(|one| is_of_groups(one.info().level)) {
            let scope = match collector.info().level {
                Level::TopLevelGroup => top_level(group),
                _ => group,
            };
            let first = self.check(collector, scope, checks)?;
            if first.is_readable {
                readable.push(collector.name());
            }
            if collector.name() == "usage_events"
                && let Some(events) = first.rows
            {
                checks.add(people_check(group, events, first.with_people))?;
            }
        }
        Ok(readable)
    }

    /// Checks all other collectors, in each of their scopes.
    fn check_other_levels(
        &mut self,
        groups: &[String],
        checks: &mut CheckWriter<impl Write>,
    ) -> Result<(), Error> {
        for collector in COLLECTORS.iter().copied().filter(|one| !is_of_groups(one.info().level)) {
            let level = collector.info().level;
            let scopes = collector.scopes(self.gitlab, groups).unwrap_or_else(|_| level.scopes(groups));
            for scope in scopes {
                self.check(collector, &scope, checks)?;
            }
        }
        Ok(())
    }

    /// Checks a collector in a scope. Returns its first page.
    fn check(
        &mut self,
        collector: &'static dyn Collector,
        scope: &str,
        checks: &mut CheckWriter<impl Write>,
    ) -> Result<FirstPage, Error> {
        let need = self.need(collector);
        let mut first = FirstPage::default();
        checks.add(collector_check(self.gitlab, collector, scope, self.yesterday, need, &mut first))?;
        self.has_named |= need == Need::Named && first.is_readable;
        Ok(first)
    }

    fn need(&self, collector: &dyn Collector) -> Need {
        if !self.selection.contains(collector.info().name) {
            Need::NotSelected
        } else if self.selection.is_named {
            Need::Named
        } else {
            Need::Default
        }
    }
}

/// Whether collectors of this level are checked in each group.
fn is_of_groups(level: Level) -> bool {
    matches!(level, Level::Group | Level::TopLevelGroup)
}

/// An enabled dashboard.
struct Dashboard {
    topic: Topic,
    /// Its core collectors; it needs one of them.
    core_collectors: Vec<&'static str>,
    /// Whether a core collector can be read in some group.
    has_any: bool,
}

impl Dashboard {
    fn new(topic: Topic) -> Dashboard {
        let is_core = |info: &CollectorInfo| info.topic == topic && info.requirement == Requirement::Core;
        let infos = COLLECTORS.iter().map(|collector| collector.info()).filter(|info| is_core(info));
        Dashboard { topic, core_collectors: infos.map(|info| info.name).collect(), has_any: false }
    }

    /// Checks whether the dashboard will have data of a group.
    fn check(&mut self, group: &str, readable: &[&str]) -> Check {
        let name = match self.topic {
            Topic::Duo => format!("Duo dashboard of {group}"),
            Topic::Project => format!("project dashboard of {group}"),
        };
        let found: Vec<&str> =
            self.core_collectors.iter().copied().filter(|core| readable.contains(core)).collect();
        // As in a run, GitLab's own counts are better than nothing.
        let has_aggregates =
            self.topic == Topic::Duo && readable.iter().any(|name| AGGREGATES.contains(name));
        self.has_any |= !found.is_empty() || has_aggregates;
        if found.is_empty() {
            let help = self.core_collectors.iter().find_map(|core| Some(needs(by_name(core)?)));
            let text = format!("has no data: cannot read {}", self.core_collectors.join(" or "));
            Check::fail(&name, &text, help.as_deref())
        } else {
            Check::ok(&name, format!("uses {}", found.join(" and ")))
        }
    }
}
