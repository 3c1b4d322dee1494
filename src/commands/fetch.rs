//! `fetch`: collects raw lines from GitLab and reports what is missing.

use std::collections::BTreeSet;
use std::io::Write;

use crate::aggregate::history::History;
use crate::base::calendar::WINDOW_DAYS;
use crate::base::error::{Error, Outcome, display_path};
use crate::cli::{CollectArgs, FetchArgs};
use crate::collect::checkpoint::{self, StateDir};
use crate::collect::collectors::{Fault, Level, Requirement, by_name};
use crate::collect::report::report;
use crate::collect::scheduler::{Collected, FinalDays, Plan, clear_checkpoint, collect};
use crate::collect::selection::Selection;
use crate::commands::connection::connect;
use crate::model::coverage::{Coverage, Status};
use crate::model::topic::Topic;
use crate::publish::completeness::{Completeness, Verdict, topic_of};
use crate::system::interrupt::on_interrupt;
use crate::system::settings::{Environment, FIRST_RUN_DAYS, Switches};
use crate::system::summary::Summary;

/// Runs the command.
pub fn run(
    args: &FetchArgs,
    environment: &Environment,
    stdout: impl Write + Send,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?;
    // A pipe without a history cannot know whether it is the first run, and always takes the days that
    // are documented as the default.
    let plan = plan(&args.collect, switches, environment, None)?;
    if args.quiet_stdout && plan.output_dir.is_none() {
        return Err(Error::Usage(
            "--quiet-stdout would drop all lines; add --output-dir to keep them in files".to_owned(),
        ));
    }
    let outcome = fetch(&plan, (!args.quiet_stdout).then_some(stdout), summary)?;
    clear_checkpoint(&plan, outcome)?;
    Ok(outcome)
}

/// Why a run without a history counts as a first run, if it does.
type FirstRunWithoutHistory = Option<&'static str>;

/// Reads all settings and locks the folder of the checkpoint. Sends no request.
pub(super) fn plan(
    args: &CollectArgs,
    switches: Switches,
    environment: &Environment,
    without_history: FirstRunWithoutHistory,
) -> Result<Plan, Error> {
    let mut selection = Selection::new(&args.collectors, switches, environment)?;
    args.collector_files.iter().try_for_each(|path| selection.add_custom(path))?;
    let needs_groups = selection.collectors.iter().any(|collector| collector.info().level != Level::Instance);
    let groups = if needs_groups { environment.groups(&args.gitlab.groups)? } else { Vec::new() };
    if groups.iter().any(|group| group.contains('/')) {
        selection.add_members();
    }
    let (client, instance, now) = connect(&args.gitlab, environment)?;
    let jobs = environment.jobs(args.gitlab.jobs)?;
    let output_dir =
        args.output_dir.clone().or_else(|| environment.get("DUO_METRICS_OUTPUT_DIR").map(Into::into));
    let state_dir = args.state.clone();
    if state_dir.is_some() && state_dir == output_dir {
        return Err(Error::Usage("--state and --output-dir must be different folders".to_owned()));
    }
    let lock = state_dir.as_deref().map(checkpoint::lock).transpose()?;
    let history = environment.history(args.history.history.as_deref());
    let history = history.map(|folder| History::open(&folder)).transpose()?;
    let final_days = match &history {
        Some(history) => FinalDays::new(history.final_days(args.late_days)?, &instance),
        None => FinalDays::default(),
    };
    let is_default_range = args.every == 1 && !environment.has_first_day(args.since);
    let first_run = match &history {
        _ if !is_default_range => None,
        None => without_history,
        Some(history) if history.files()?.is_empty() => Some("the history is empty"),
        Some(_) => state_dir
            .as_deref()
            .filter(|folder| StateDir::is_of_first_run(folder))
            .map(|_| "the first run is not complete yet"),
    };
    let default_days = if first_run.is_some() { FIRST_RUN_DAYS } else { WINDOW_DAYS };
    let (since, until) = environment.range(args.since, args.until, now, default_days)?;
    let (today, every) = (now.day(), i64::from(args.every));
    Ok(Plan {
        client,
        instance,
        groups,
        selection,
        since,
        until,
        first_run,
        today,
        jobs,
        output_dir,
        state_dir,
        lock,
        every,
        final_days,
    })
}

/// Collects everything in the plan, and reports the result of each collector.
pub(super) fn fetch<W: Write + Send>(
    plan: &Plan,
    stream: Option<W>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    on_interrupt(match &plan.state_dir {
        Some(folder) => format!("the same command continues from {}", display_path(folder)),
        None => "nothing of this run is kept; with --state DIR, the same command continues".to_owned(),
    });
    let Collected { coverage, stopped, has_transient_fault } = collect(plan, stream)?;
    report(&coverage, summary);
    match stopped {
        // What was collected before the rate limit is valid. Whether it is enough is decided below.
        None | Some(Fault::RateLimited(_)) => {}
        Some(fault) => return Err(fault.into_error()),
    }
    conclude(plan, &coverage, has_transient_fault, summary)
}

/// The outcome of a run, or the error if no dashboard would have anything to show.
fn conclude(
    plan: &Plan,
    coverage: &[Coverage],
    has_transient_fault: bool,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let topics = plan.selection.collectors.iter().map(|collector| topic_of(collector.name()));
    let topics: BTreeSet<Topic> = topics.collect();
    let dashboards: Vec<(Topic, Completeness<'_>)> =
        topics.into_iter().map(|topic| (topic, Completeness::of(topic, coverage))).collect();
    let is_empty = |found: &Completeness<'_>| found.verdict == Verdict::Nothing || found.lacks_core;
    // A day whose pages all arrived without a usable row is partial. It does not mean that nothing
    // can be collected.
    let has_pages = coverage.iter().any(|line| line.status == Status::Partial && !is_optional(line));
    // Where the token cannot read the events of the top-level group of a subgroup, GitLab's own
    // counts of the subgroup remain.
    let has_aggregates = coverage
        .iter()
        .any(|line| line.status == Status::Complete && AGGREGATES.contains(&line.collector.as_str()));
    if dashboards.iter().all(|(_, found)| is_empty(found)) && !has_pages && !has_aggregates {
        return Err(nothing_collected(coverage, has_transient_fault));
    }
    for (topic, _) in dashboards.iter().filter(|(_, found)| is_empty(found)) {
        let line = coverage.iter().find(|line| topic_of(&line.collector) == *topic && !is_optional(line));
        summary.warning(format!(
            "the {} dashboard has no day of its core collectors: {}",
            topic.as_str(),
            line.map(reason).unwrap_or_default()
        ));
    }
    let is_complete =
        |found: &Completeness<'_>| matches!(found.verdict, Verdict::Complete | Verdict::Sampled);
    if dashboards.iter().all(|(_, found)| is_complete(found)) {
        Ok(Outcome::Complete)
    } else {
        Ok(Outcome::Partial)
    }
}

/// Collectors of what GitLab counted itself, in a group or a subgroup.
pub(super) const AGGREGATES: [&str; 3] = ["agent_flows", "agent_sessions", "ai_metrics"];

/// The error of a run that collected nothing.
fn nothing_collected(coverage: &[Coverage], has_transient_fault: bool) -> Error {
    let failed = coverage.iter().find(|line| line.status == Status::Failed);
    let is_refused = |line: &&Coverage| [Status::Denied, Status::Unsupported].contains(&line.status);
    // The refusal of a core collector explains more than that of an optional one.
    let refused = coverage.iter().filter(is_refused).min_by_key(|line| is_optional(line));
    let cannot_collect = |line: &Coverage| format!("nothing could be collected: {}", reason(line));
    match (failed, refused) {
        (Some(failed), _) if has_transient_fault => Error::Transient(cannot_collect(failed)),
        (Some(failed), _) if !is_optional(failed) => Error::Unexpected(cannot_collect(failed)),
        (_, Some(refused)) => Error::Unavailable(format!("nothing to collect here: {}", reason(refused))),
        (Some(failed), None) => Error::Unexpected(cannot_collect(failed)),
        (None, None) => {
            Error::Usage("--every skips every day of this range; request a longer range".to_owned())
        }
    }
}

fn reason(line: &Coverage) -> String {
    line.reason.clone().unwrap_or_default()
}

/// Whether the collector of a line is optional.
fn is_optional(line: &Coverage) -> bool {
    by_name(&line.collector).is_some_and(|collector| collector.info().requirement == Requirement::Optional)
}
