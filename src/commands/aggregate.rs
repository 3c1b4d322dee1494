//! `aggregate`: every number that is shown anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use crate::aggregate::clickhouse::{self, Answers, Server};
use crate::aggregate::history::{History, Identity, Run};
use crate::aggregate::ingest::Intake;
use crate::aggregate::metrics::{self, Sheet, Thresholds};
use crate::aggregate::prices::Prices;
use crate::aggregate::rollup::{Rollups, Target};
use crate::aggregate::view::Resolved;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::{AggregateArgs, Emit, Engine, EngineArgs, ReportArgs, Source};
use crate::collect::collectors::{Span, by_name};
use crate::commands::normalize::{self, finish};
use crate::model::line::Record;
use crate::model::record::{Coverage, FormerGroup, Metric};
use crate::normalize::pseudonym::PseudonymKey;
use crate::publish::site::Figures;
use crate::stream::chunks::side_by_side;
use crate::stream::lines::LineWriter;
use crate::system::settings::{Environment, check_range};
use crate::system::summary::Summary;
use crate::system::text_file;

/// What is reported, and how much bad input is borne.
pub struct Options {
    /// The first day; else the first that was collected.
    pub since: Option<Day>,
    /// The last day; else the last that was collected.
    pub until: Option<Day>,
    /// Where definitions can be set.
    pub thresholds: Thresholds,
    /// What models cost, for an estimate.
    pub prices: Option<Prices>,
    /// Share of rejected lines above which the input is refused, in percent.
    pub max_rejects: f64,
    /// How many threads read.
    pub threads: usize,
    /// The folder with what was collected before.
    pub history: Option<PathBuf>,
    /// The groups that the settings name: those of a history that the stream does not speak of are asked for all the same.
    pub groups: Vec<String>,
    /// The pseudonym key of the settings; a history made with another one is refused.
    pub pseudonyms: Option<PseudonymKey>,
}

/// How many metric lines are spelled at once.
const LINES_TOGETHER: usize = 1 << 10;

/// Runs the command.
pub fn run(
    args: &AggregateArgs,
    environment: &Environment,
    stdin: Option<impl Read + Send>,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let since = environment.day(args.since, "DUO_METRICS_SINCE")?;
    let until = environment.day(args.until, "DUO_METRICS_UNTIL")?;
    check_range(since, until)?;
    let options = Options {
        since,
        until,
        thresholds: thresholds(&args.report)?,
        prices: prices(&args.report, environment)?,
        max_rejects: args.rejects.max_rejects,
        threads: args.threads.count(),
        history: environment.history(args.history.history.as_deref()),
        groups: environment.named_groups(&[]),
        pseudonyms: normalize::pseudonyms(
            environment,
            normalize::history_named(environment, args.history.history.as_deref())?.as_ref(),
        )?,
    };
    if args.emit == Emit::Rollups && args.history.history.is_some() {
        return Err(Error::Usage(
            "--history holds what numbers are made of; leave out --emit rollups".to_owned(),
        ));
    }
    match (args.engine.engine, stdin) {
        (Engine::Process, Some(stdin)) if !args.engine.load_only => {
            write(args.emit, &options, stdin, stdout, summary)
        }
        (Engine::Process, _) => Err(Error::Usage(
            "--source gitlab, --no-load and --load-only are for a server; add --engine clickhouse".to_owned(),
        )),
        (Engine::Clickhouse, stdin) => on_server(args, environment, options, stdin, stdout, summary),
    }
}

/// Lets ClickHouse count: loads what is read, and makes numbers of what it has then.
fn on_server(
    args: &AggregateArgs,
    environment: &Environment,
    options: Options,
    stdin: Option<impl Read + Send>,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let EngineArgs { timeout, retries, retry_wait, allow_http, .. } = args.engine;
    let (url, database) = (args.engine.clickhouse_url.as_deref(), args.engine.clickhouse_database.as_deref());
    let database = environment.clickhouse(url, database, allow_http)?;
    let patience = clickhouse::Patience {
        timeout: Duration::from_secs_f64(timeout),
        retries,
        wait: Duration::from_secs_f64(retry_wait),
    };
    let route = environment.clickhouse_route(&database, url, args.engine.ca_file.as_deref())?;
    let server = Server::new(database, &route, patience)?;
    if args.engine.source == Source::Gitlab {
        if args.engine.no_load || args.engine.load_only {
            return Err(Error::Usage(
                "--source gitlab reads GitLab's own tables and loads nothing; leave out --no-load and --load-only"
                    .to_owned(),
            ));
        }
        return from_gitlab(args.emit, environment, &options, (&server, allow_http), stdout, summary);
    }
    server.check_schema()?;
    let loaded = match stdin {
        Some(stdin) => {
            clickhouse::load(&server, stdin, options.max_rejects, options.threads, summary)?.outcome
        }
        None => Outcome::Complete,
    };
    if args.engine.load_only {
        return Ok(loaded);
    }
    // What was loaded had been read before: nothing of it may be rejected now.
    let options = Options { max_rejects: 0.0, ..options };
    Ok(loaded.max(write(args.emit, &options, Answers::of(&server), stdout, summary)?))
}

/// Counts what GitLab's own tables hold, as if it had been fetched and normalized.
fn from_gitlab(
    emit: Emit,
    environment: &Environment,
    options: &Options,
    (server, allow_http): (&Server, bool),
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let instance = environment.instance(None, allow_http)?;
    let (now, _) = environment.now()?;
    let pseudonyms = normalize::pseudonyms(environment, None)?;
    let max_rejects = options.max_rejects;
    let reading = clickhouse::Reading { server, instance: instance.as_str(), now, max_rejects };
    let read = |intake: &mut Intake, summary: &mut Summary| {
        let (coverage, outcome) = intake.read_alike(|count| {
            let mut take = |mut record: Record<'_>, rows| {
                finish(&mut record, pseudonyms.as_ref());
                match record {
                    Record::Event(event) => count(&event, rows),
                    _ => Err(Error::Bug("GitLab's tables hold no other records than events".to_owned())),
                }
            };
            reading.run(&mut take, summary)
        })?;
        coverage.into_iter().for_each(|line| intake.rollups.cover(line));
        summary.field("records", intake.records);
        Ok(outcome)
    };
    write_what(emit, options, read, stdout, summary)
}

/// Reads lines and writes numbers or rollup lines.
fn write(
    emit: Emit,
    options: &Options,
    input: impl Read + Send,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    match emit {
        Emit::Rollups => emit_rollups(options, input, stdout, summary),
        Emit::Metrics => write_what(emit, options, of_stream(options, input), stdout, summary),
    }
}

/// Writes numbers or rollup lines of what `read` reads.
fn write_what(
    emit: Emit,
    options: &Options,
    read: impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error>,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut output = LineWriter::new(stdout);
    if emit == Emit::Rollups {
        let mut intake = Intake::new(options.threads, false);
        let outcome = read(&mut intake, summary)?;
        write_rollups(intake, &mut output, summary)?;
        return Ok(outcome);
    }
    let (figures, outcome) = aggregate_what(options, read, summary)?;
    figures.coverage.iter().try_for_each(|line| output.write(line))?;
    figures.former.iter().try_for_each(|line| output.write(line))?;
    // Who spells lines lets go of them too: that takes half as long.
    let mut unspelled = figures.metrics.into_iter();
    let together = std::iter::from_fn(|| {
        let lines: Vec<Metric> = unspelled.by_ref().take(LINES_TOGETHER).collect();
        (!lines.is_empty()).then_some(Ok(lines))
    });
    side_by_side(
        together,
        vec![(); options.threads],
        |(), lines| spelled(&lines),
        |_, lines| output.write_text(&lines?),
    )?;
    output.flush()?;
    Ok(outcome)
}

/// Lines as they are written.
fn spelled(lines: &[Metric]) -> Result<Vec<u8>, Error> {
    let mut writer = LineWriter::new(Vec::new());
    lines.iter().try_for_each(|line| writer.write(line))?;
    Ok(writer.into_inner())
}

/// Reading a stream of lines.
fn of_stream(
    options: &Options,
    input: impl Read + Send,
) -> impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error> {
    let max_rejects = options.max_rejects;
    move |intake, summary| intake.read_stream(input, max_rejects, summary, |_| Ok(()))
}

/// The thresholds of the flags.
pub fn thresholds(args: &ReportArgs) -> Result<Thresholds, Error> {
    let ReportArgs { regular_from, heavy_from, .. } = args.clone();
    match regular_from < heavy_from {
        true => Ok(Thresholds { regular_from, heavy_from }),
        false => Err(Error::Usage(format!(
            "--heavy-from {heavy_from} has to be above --regular-from {regular_from}"
        ))),
    }
}

/// The prices in the file of the flags, where one is named. Of when they are, is the day the file was last changed.
pub fn prices(args: &ReportArgs, environment: &Environment) -> Result<Option<Prices>, Error> {
    let Some(path) = environment.prices(args.prices.as_deref()) else { return Ok(None) };
    let text = text_file::read(&path)?;
    let changed = fs::metadata(&path).and_then(|file| file.modified()).map_err(Error::file("read", &path))?;
    let seconds = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let day = i64::try_from(seconds).ok().and_then(Timestamp::from_unix_seconds).map(Timestamp::day);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let label = day.map_or_else(|| name.to_string(), |day| format!("{name} of {day}"));
    let prices = Prices::parse(&text, label).map_err(|reason| {
        Error::Configuration(format!(
            "{}: {reason}; give a file in the format of LiteLLM's model_prices_and_context_window.json",
            shown(&path)
        ))
    })?;
    Ok(Some(prices))
}

/// Counts events and passes everything else on.
pub fn emit_rollups(
    options: &Options,
    input: impl Read + Send,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut output = LineWriter::new(output);
    let mut intake = Intake::new(options.threads, false);
    let outcome = intake.read_stream(input, options.max_rejects, summary, |record| output.write(record))?;
    write_rollups(intake, &mut output, summary)?;
    Ok(outcome)
}

/// Writes what was read as coverage and rollup lines.
fn write_rollups(
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
    summary.say(counted(count, "rollup line"));
    summary.field("rollups", count);
    Ok(())
}

/// Reads records, rollup and coverage lines and computes everything, together with the history when there is one.
pub fn aggregate(
    options: &Options,
    input: impl Read + Send,
    summary: &mut Summary,
) -> Result<(Figures, Outcome), Error> {
    aggregate_what(options, of_stream(options, input), summary)
}

/// Computes everything from what `read` reads, together with the history when there is one.
fn aggregate_what(
    options: &Options,
    read: impl FnOnce(&mut Intake, &mut Summary) -> Result<Outcome, Error>,
    summary: &mut Summary,
) -> Result<(Figures, Outcome), Error> {
    let history = options.history.as_deref().map(History::open).transpose()?;
    let mut intake = Intake::new(options.threads, history.is_some());
    let mut outcome = read(&mut intake, summary)?;
    let mut identity = Identity::default();
    if let Some(history) = &history {
        let run = intake.run(options.pseudonyms.as_ref(), &options.groups);
        let kept = history.kept_identity()?;
        identity = kept.clone().map_or_else(|| history.identity(), Ok)?;
        identity.check(&run).map_err(|mismatch| history.refusal(&mismatch))?;
        outcome = outcome.max(intake.read_history(history, summary)?);
        intake.check_people()?;
        outcome = outcome.max(admit(&mut identity, &run, kept.is_some(), &intake, summary));
    }
    intake.finish(summary)?;
    let resolved = Resolved::of(&intake.rollups).with_former_groups(identity.former_groups());
    if let Some(history) = &history {
        intake.save(&resolved, history)?;
        if !identity.is_empty() {
            history.write_identity(&identity)?;
        }
    }
    let (coverage, cut) = covered(&resolved, summary);
    let of_tasks = match range(options, &intake.rollups) {
        Some((since, until)) => {
            let prices = options.prices.as_ref();
            compute(&Sheet::all(&resolved, (since, until), options.thresholds, prices), options.threads)?
        }
        None => Vec::new(),
    };
    let records = intake.records;
    drop(resolved);
    let metrics = thread::scope(|scope| {
        // Sorting takes memory too, and what the lines are made of is no longer needed; but giving it back takes as long.
        scope.spawn(|| drop(intake));
        metrics::in_order(of_tasks)
    });
    if let Some(Metric { metric, scope, grain, start, .. }) = metrics.iter().find(|line| line.is_too_large())
    {
        return Err(Error::Input(format!(
            "{metric} of {scope}, {grain} from {start}, adds up to more than a number can hold; find the records with impossible numbers, and leave them out"
        )));
    }
    summary.say(format!(
        "{} from {}",
        counted(metrics.len() as u64, "metric line"),
        counted(records, "record")
    ));
    summary.field("metrics", metrics.len());
    let former = identity.former_groups().map(|(instance, scope, until)| FormerGroup {
        instance: instance.to_owned(),
        scope: scope.to_owned(),
        until,
    });
    Ok((Figures { coverage, former: former.collect(), metrics }, outcome.max(cut)))
}

/// Takes the run over into what the history is of, and names groups that leave the total. A history without an identity can be one
/// that has counted a renamed group twice: then that is partial.
fn admit(
    identity: &mut Identity,
    run: &Run,
    is_kept: bool,
    intake: &Intake,
    summary: &mut Summary,
) -> Outcome {
    let before: BTreeSet<(String, String)> = identity
        .former_groups()
        .map(|(instance, group, _)| (instance.to_owned(), group.to_owned()))
        .collect();
    identity.admit(run, |instance, group| intake.last_day(instance, group));
    let mut outcome = Outcome::Complete;
    let is_absent = |address: &&String| !is_kept && !run.instances.contains_key(*address);
    if let (Some(new), Some(known)) = (run.instances.keys().next(), identity.instances.keys().find(is_absent))
    {
        summary.say(format!(
            "the history is of {known} too, which this run does not ask for; if it is the former address of {new}, everyone counts twice: run \"duo-metrics history rename --url {known} {new}\""
        ));
        outcome = Outcome::Partial;
    }
    for (instance, group, until) in identity.former_groups() {
        if before.contains(&(instance.to_owned(), group.to_owned())) {
            continue;
        }
        summary.say(format!(
            "group {group} is no longer asked for and leaves the total after {until}; if it was renamed, run \"duo-metrics history rename --group {group} NEW\""
        ));
        if !is_kept {
            outcome = Outcome::Partial;
        }
    }
    outcome
}

/// The coverage lines as they turned out; days that were cut or shrunk on their way here are told, and make the outcome
/// partial.
pub fn covered(resolved: &Resolved<'_>, summary: &mut Summary) -> (Vec<Coverage>, Outcome) {
    let (mut coverage, mut cut) = (Vec::new(), 0);
    for (day, is_cut) in resolved.coverage() {
        if is_cut {
            cut += 1;
            let reason = day.reason.as_deref().unwrap_or_default();
            summary.say(format!("{} of {} on {}: {reason}", day.collector, day.scope, day.day));
        }
        coverage.push(day);
    }
    summary.field("cut_days", cut);
    (coverage, if cut == 0 { Outcome::Complete } else { Outcome::Partial })
}

/// All numbers, computed side by side: those of each task.
fn compute(sheets: &[Sheet<'_>], threads: usize) -> Result<Vec<Vec<Metric>>, Error> {
    let tasks = sheets.iter().flat_map(Sheet::tasks).map(Ok);
    let mut of_tasks = Vec::new();
    side_by_side(
        tasks,
        vec![(); threads],
        |(), task| task.compute(),
        |_, metrics| {
            of_tasks.push(metrics);
            Ok(())
        },
    )?;
    Ok(of_tasks)
}

/// The days to report: those asked for, else those that anything was collected of. The day a snapshot was taken on is
/// not a day to report, unless there is nothing else.
fn range(options: &Options, rollups: &Rollups) -> Option<(Day, Day)> {
    let is_snapshot = |target: &Target| {
        by_name(rollups.names.text(target.collector))
            .is_some_and(|collector| collector.span() == Span::Snapshot)
    };
    let (snapshots, others): (Vec<Target>, Vec<Target>) = rollups.targets().partition(is_snapshot);
    let days = if others.is_empty() { snapshots } else { others };
    let days = days.iter().map(|target| target.day);
    let since = options.since.or(days.clone().min())?;
    let until = options.until.or(days.max())?;
    (since <= until).then_some((since, until))
}
