//! The engine of `aggregate`: reads records, adds the history, and computes metric or rollup lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread;

use crate::aggregate::history::{History, Identity, RunIdentity};
use crate::aggregate::ingest::Intake;
use crate::aggregate::metrics::{self, ScopeReport, Thresholds, reconcile};
use crate::aggregate::prices::Prices;
use crate::aggregate::rollup::{Rollups, Target};
use crate::aggregate::teams::{TeamFile, Teams};
use crate::aggregate::view::Resolved;
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::collect::collectors::{Span, by_name};
use crate::model::coverage::Coverage;
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;
use crate::model::line::Record;
use crate::model::metric::Metric;
use crate::normalize::pseudonym::PseudonymKey;
use crate::stream::chunks::process_items;
use crate::stream::lines::LineWriter;
use crate::system::summary::Summary;

/// Number of metric lines that one thread serializes at a time.
const METRICS_PER_BATCH: usize = 1 << 10;

/// Number of differences from GitLab's own counts that are listed one by one.
const MAX_DIFFERENCES: usize = 5;

/// Options of the aggregator.
pub struct Options {
    /// The first day to report; else the first collected day.
    pub since: Option<Day>,
    /// The last day to report; else the last collected day.
    pub until: Option<Day>,
    /// Thresholds of definitions.
    pub thresholds: Thresholds,
    /// Prices of models, to estimate costs.
    pub prices: Option<Prices>,
    /// The teams of users, instead of the subgroups that they are members of.
    pub teams: Option<TeamFile>,
    /// Maximum share of rejected lines, in percent.
    pub max_rejects: f64,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// The folder of the history.
    pub history: Option<PathBuf>,
    /// The groups of the settings. They count as collected even if the stream has no line of them.
    pub groups: Vec<String>,
    /// The pseudonym key of the settings. A history with pseudonyms of another key is refused.
    pub pseudonyms: Option<PseudonymKey>,
}

/// All lines that `aggregate` writes. The dashboards are built from them.
#[derive(Clone, Debug, Default)]
pub struct MetricReport {
    /// The metric lines, in any order.
    pub metrics: Vec<Metric>,
    /// The coverage lines, in any order.
    pub coverage: Vec<Coverage>,
    /// Groups that are no longer collected.
    pub former: Vec<FormerGroup>,
    /// The last time that the stored history was lost.
    pub loss: Option<HistoryLoss>,
}

/// Reads records, rollup and coverage lines, adds the history if there is one, and computes all
/// metrics.
pub fn aggregate(
    options: &Options,
    input: impl Read + Send,
    summary: &mut Summary,
) -> Result<(MetricReport, Outcome), Error> {
    aggregate_from(options, read_lines(options, input), summary)
}

/// Reads lines of a stream into an intake.
pub fn read_lines(
    options: &Options,
    input: impl Read + Send,
) -> impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error> {
    let max_rejects = options.max_rejects;
    move |intake, summary| intake.read_stream(input, max_rejects, summary, |_| Ok(()))
}

/// Reads with `read`, and writes metric, coverage, former group and history loss lines.
pub fn write_metrics(
    options: &Options,
    read: impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error>,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut output = LineWriter::new(output);
    let (report, outcome) = aggregate_from(options, read, summary)?;
    report.coverage.iter().try_for_each(|line| output.write(line))?;
    report.former.iter().try_for_each(|line| output.write(line))?;
    report.loss.iter().try_for_each(|line| output.write(line))?;
    // The thread that serializes the lines also drops them, which halves the time.
    let mut rest = report.metrics.into_iter();
    let batches = std::iter::from_fn(|| {
        let lines: Vec<Metric> = rest.by_ref().take(METRICS_PER_BATCH).collect();
        (!lines.is_empty()).then_some(Ok(lines))
    });
    process_items(
        batches,
        vec![(); options.threads],
        |(), lines| serialize(&lines),
        |_, lines| output.write_serialized(&lines?),
    )?;
    output.flush()?;
    Ok(outcome)
}

fn serialize(lines: &[Metric]) -> Result<Vec<u8>, Error> {
    let mut writer = LineWriter::new(Vec::new());
    lines.iter().try_for_each(|line| writer.write(line))?;
    Ok(writer.into_inner())
}

/// Reads records of a stream, and writes rollup and coverage lines. Records that are not usage
/// events pass through.
pub fn emit_rollups(
    options: &Options,
    input: impl Read + Send,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut output = LineWriter::new(output);
    let mut intake = Intake::new(options.threads, false);
    let pass = |record: &Record<'_>| output.write(record);
    let outcome = intake.read_stream(input, options.max_rejects, summary, pass)?;
    write_intake(intake, &mut output, summary)?;
    Ok(outcome)
}

/// Reads with `read`, and writes rollup and coverage lines.
pub fn write_rollups(
    options: &Options,
    read: impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error>,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut intake = Intake::new(options.threads, false);
    let outcome = read(&mut intake, summary)?;
    write_intake(intake, &mut LineWriter::new(output), summary)?;
    Ok(outcome)
}

fn write_intake(
    mut intake: Intake,
    output: &mut LineWriter<impl Write>,
    summary: &mut Summary,
) -> Result<(), Error> {
    intake.finish(summary)?;
    intake.rollups.coverage().iter().try_for_each(|line| output.write(line))?;
    let mut count = 0;
    intake.rollups.for_each_rollup(|line| {
        count += 1;
        output.write(line)
    })?;
    output.flush()?;
    summary.message(format_count(count, "rollup line"));
    summary.field("rollups", count);
    Ok(())
}

/// Reads with `read`, adds the history if there is one, and computes all metrics.
fn aggregate_from(
    options: &Options,
    read: impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error>,
    summary: &mut Summary,
) -> Result<(MetricReport, Outcome), Error> {
    let history = options.history.as_deref().map(History::open).transpose()?;
    let _lock = history.as_ref().map(History::lock).transpose()?;
    let mut intake = Intake::new(options.threads, history.is_some());
    if options.teams.as_ref().is_some_and(|teams| teams.first_username.is_some()) {
        intake = intake.with_usernames();
    }
    let mut outcome = read(&mut intake, summary)?;
    // Days of earlier runs were reported then.
    let days: BTreeSet<Day> = intake.rollups.targets().map(|target| target.day).collect();
    let mut identity = Identity::default();
    if let Some(history) = &history {
        let (known, history_outcome) = add_history(&mut intake, history, options, summary)?;
        identity = known;
        outcome = outcome.max(history_outcome);
    }
    intake.finish(summary)?;
    let teams = find_teams(options, &intake.rollups, summary)?;
    let resolved =
        Resolved::of(&intake.rollups).with_former_groups(identity.former_groups()).with_teams(teams);
    if let Some(history) = &history {
        intake.save(&resolved, history)?;
        if !identity.is_empty() {
            history.write_identity(&identity)?;
        }
    }
    let (coverage, coverage_outcome) = report_coverage(&resolved, summary);
    let task_metrics = match report_days(options, &intake.rollups) {
        Some((since, until)) => {
            let prices = options.prices.as_ref();
            let reports = ScopeReport::all(&resolved, since, until, options.thresholds, prices);
            compute(&reports, options.threads)?
        }
        None => Vec::new(),
    };
    let records = intake.records;
    drop(resolved);
    let metrics = thread::scope(|scope| {
        // Sorting needs memory, and the records are no longer needed. Freeing them takes as long as
        // sorting, so both run in parallel.
        scope.spawn(|| drop(intake));
        metrics::merge_sorted(task_metrics)
    });
    check_size(&metrics)?;
    outcome = outcome.max(report_differences(&metrics, &days, summary));
    summary.message(format!(
        "{} from {}",
        format_count(metrics.len() as u64, "metric line"),
        format_count(records, "record")
    ));
    summary.field("metrics", metrics.len());
    let former = identity.former_groups().map(|(instance, scope, until)| FormerGroup {
        instance: instance.to_owned(),
        scope: scope.to_owned(),
        until,
    });
    let loss = identity.lost.map(|day| HistoryLoss { day });
    let report = MetricReport { coverage, former: former.collect(), loss, metrics };
    Ok((report, outcome.max(coverage_outcome)))
}

/// The teams of the team file with their people, and a message on users that no record has.
fn find_teams(options: &Options, rollups: &Rollups, summary: &mut Summary) -> Result<Option<Teams>, Error> {
    let Some(file) = &options.teams else { return Ok(None) };
    let (teams, unknown) = file
        .find(rollups, options.pseudonyms.as_ref())
        .map_err(|reason| Error::Configuration(format!("{}: {reason}", file.name)))?;
    if unknown > 0 {
        let users = format_count(file.users.len() as u64, "user");
        summary.message(format!("{unknown} of {users} in {} are not in the data", file.name));
    }
    summary.field("unknown_team_users", unknown);
    Ok(Some(teams))
}

/// Reports differences from GitLab's own counts without a known reason; they make the outcome
/// partial.
fn report_differences(metrics: &[Metric], days: &BTreeSet<Day>, summary: &mut Summary) -> Outcome {
    let differences = reconcile::unexplained(metrics, days);
    for difference in differences.iter().take(MAX_DIFFERENCES) {
        summary.warning(format!(
            "{difference}: the events differ from GitLab's own count by more than 1%, without a known reason; fetch these days again"
        ));
    }
    if differences.len() > MAX_DIFFERENCES {
        let rest = (differences.len() - MAX_DIFFERENCES) as u64;
        summary.warning(format!("{} from GitLab's own counts", format_count(rest, "further difference")));
    }
    summary.field("differences", differences.len());
    if differences.is_empty() { Outcome::Complete } else { Outcome::Partial }
}

fn check_size(metrics: &[Metric]) -> Result<(), Error> {
    match metrics.iter().find(|line| line.is_too_large()) {
        None => Ok(()),
        Some(Metric { metric, scope, grain, start, .. }) => Err(Error::Input(format!(
            "{metric} of {scope}, {grain} from {start}: its sums overflow 64 bits; find and remove the records with impossible values"
        ))),
    }
}

/// Reads the history into the intake. Fails if it belongs to another GitLab, group or pseudonym
/// key.
fn add_history(
    intake: &mut Intake,
    history: &History,
    options: &Options,
    summary: &mut Summary,
) -> Result<(Identity, Outcome), Error> {
    let run = intake.run_identity(options.pseudonyms.as_ref(), &options.groups);
    let stored = history.stored_identity()?;
    let mut identity = stored.clone().map_or_else(|| history.identity(), Ok)?;
    identity.check(&run).map_err(|mismatch| history.mismatch_error(&mismatch))?;
    let outcome = intake.read_history(history, summary)?;
    intake.check_people()?;
    if intake.has_ids() {
        summary.message(format!(
            "the history {} contains names and user ids in clear; without DUO_METRICS_PSEUDONYM_KEY, protect the folder",
            display_path(history.folder())
        ));
    }
    let run_outcome = add_run(&mut identity, &run, stored.is_some(), intake, summary);
    Ok((identity, outcome.max(run_outcome)))
}

/// Adds a run to the identity of the history, and reports groups that leave the total. A history
/// without a stored identity may have counted a renamed group twice; then the outcome is partial.
fn add_run(
    identity: &mut Identity,
    run: &RunIdentity,
    is_stored: bool,
    intake: &Intake,
    summary: &mut Summary,
) -> Outcome {
    let before: BTreeSet<(String, String)> = identity
        .former_groups()
        .map(|(instance, group, _)| (instance.to_owned(), group.to_owned()))
        .collect();
    identity.add_run(run, |instance, group| intake.last_day(instance, group));
    let mut outcome = Outcome::Complete;
    let is_absent = |url: &&String| !is_stored && !run.instances.contains_key(*url);
    if let (Some(new), Some(known)) = (run.instances.keys().next(), identity.instances.keys().find(is_absent))
    {
        summary.warning(format!(
            "the history also contains {known}, which this run does not collect; if that is the former URL of {new}, everyone counts twice; run \"duo-metrics history rename --url {known} {new}\""
        ));
        outcome = Outcome::Partial;
    }
    for (instance, group, until) in identity.former_groups() {
        if before.contains(&(instance.to_owned(), group.to_owned())) {
            continue;
        }
        let message = format!(
            "group {group} is no longer collected and leaves the total after {until}; if it was renamed, run \"duo-metrics history rename --group {group} NEW\""
        );
        if is_stored {
            summary.message(message);
        } else {
            summary.warning(message);
            outcome = Outcome::Partial;
        }
    }
    outcome
}

/// The resolved coverage lines. Reports days that lost rows between `fetch` and here; they make the
/// outcome partial. A collector of a group has one message, however many days it lost.
pub fn report_coverage(resolved: &Resolved<'_>, summary: &mut Summary) -> (Vec<Coverage>, Outcome) {
    let mut coverage = Vec::new();
    let mut truncated: BTreeMap<[String; 3], Vec<(Day, String)>> = BTreeMap::new();
    for (day, is_truncated) in resolved.coverage() {
        if is_truncated {
            let collector = [&day.collector, &day.scope, &day.instance].map(String::clone);
            truncated.entry(collector).or_default().push((day.day, day.reason.clone().unwrap_or_default()));
        }
        coverage.push(day);
    }
    summary.field("cut_days", truncated.values().map(Vec::len).sum::<usize>());
    for ([collector, scope, _], days) in &mut truncated {
        days.sort();
        let (first, reason) = &days[0];
        let more = match days.len() - 1 {
            0 => String::new(),
            more => format!(", and rows of {}", format_count(more as u64, "later day")),
        };
        summary.warning(format!("{collector} of {scope} on {first}: {reason}{more}"));
    }
    (coverage, if truncated.is_empty() { Outcome::Complete } else { Outcome::Partial })
}

/// Computes the metrics of each task, with several threads.
fn compute(reports: &[ScopeReport<'_>], threads: usize) -> Result<Vec<Vec<Metric>>, Error> {
    let tasks = reports.iter().flat_map(ScopeReport::tasks).map(Ok);
    let mut task_metrics = Vec::new();
    process_items(
        tasks,
        vec![(); threads],
        |(), task| task.compute(),
        |_, metrics| {
            task_metrics.push(metrics);
            Ok(())
        },
    )?;
    Ok(task_metrics)
}

/// The first and last day to report: those of the options, else those of the collected data. The
/// day of a snapshot counts only if nothing else was collected.
fn report_days(options: &Options, rollups: &Rollups) -> Option<(Day, Day)> {
    let is_snapshot = |target: &Target| {
        by_name(rollups.symbols.text(target.collector))
            .is_some_and(|collector| collector.span() == Span::Snapshot)
    };
    let (snapshots, others): (Vec<Target>, Vec<Target>) = rollups.targets().partition(is_snapshot);
    let days = if others.is_empty() { snapshots } else { others };
    let days = days.iter().map(|target| target.day);
    let since = options.since.or(days.clone().min())?;
    let until = options.until.or(days.max())?;
    (since <= until).then_some((since, until))
}
