//! `aggregate`: computes metrics from records, in this process or in ClickHouse.

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, UNIX_EPOCH};

use crate::aggregate::aggregator::{Options, emit_rollups, read_lines, write_metrics, write_rollups};
use crate::aggregate::clickhouse::{self, RollupStream, Server};
use crate::aggregate::ingest::Intake;
use crate::aggregate::metrics::Thresholds;
use crate::aggregate::prices::Prices;
use crate::aggregate::teams::TeamFile;
use crate::base::calendar::Timestamp;
use crate::base::error::{Error, Outcome, display_path};
use crate::cli::{AggregateArgs, Emit, Engine, EngineArgs, EngineSource, ReportArgs};
use crate::commands::pseudonyms::{existing_history, pseudonym_key};
use crate::model::line::Record;
use crate::normalize::normalizer::finalize;
use crate::system::settings::{Environment, check_range};
use crate::system::summary::Summary;
use crate::system::text_file;

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
    let history = existing_history(environment, args.history.history.as_deref())?;
    let options = Options {
        since,
        until,
        thresholds: thresholds(&args.report)?,
        prices: prices(&args.report, environment)?,
        teams: teams(&args.report, environment)?,
        max_rejects: args.rejects.max_rejects,
        threads: args.threads.count(),
        history: environment.history(args.history.history.as_deref()),
        groups: environment.named_groups(&[]),
        pseudonyms: pseudonym_key(environment, history.as_ref())?,
    };
    if args.emit == Emit::Rollups && args.history.history.is_some() {
        return Err(Error::Usage(
            "--history cannot be combined with --emit rollups; remove one of them".to_owned(),
        ));
    }
    match (args.engine.engine, stdin) {
        (Engine::Process, Some(stdin)) if !args.engine.load_only => {
            aggregate_stream(args.emit, &options, stdin, stdout, summary)
        }
        (Engine::Process, _) => Err(Error::Usage(
            "--source gitlab, --no-load and --load-only require --engine clickhouse".to_owned(),
        )),
        (Engine::Clickhouse, stdin) => run_clickhouse(args, environment, options, stdin, stdout, summary),
    }
}

/// Loads the input into ClickHouse, and computes metrics from what ClickHouse has then.
fn run_clickhouse(
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
    let retry = clickhouse::QueryRetryPolicy {
        timeout: Duration::from_secs_f64(timeout),
        retries,
        wait: Duration::from_secs_f64(retry_wait),
    };
    let route = environment.clickhouse_route(&database, url, args.engine.ca_file.as_deref())?;
    let server = Server::new(database, &route, retry)?;
    if args.engine.source == EngineSource::Gitlab {
        if args.engine.no_load || args.engine.load_only {
            return Err(Error::Usage(
                "--source gitlab loads nothing; remove --no-load or --load-only".to_owned(),
            ));
        }
        return aggregate_tables(args, environment, &options, &server, stdout, summary);
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
    // All lines in the database were readable when they were loaded, so none may be rejected now.
    let options = Options { max_rejects: 0.0, ..options };
    let input = RollupStream::of(&server);
    Ok(loaded.max(aggregate_stream(args.emit, &options, input, stdout, summary)?))
}

/// Counts the events in GitLab's own tables, as if they had been fetched and normalized.
fn aggregate_tables(
    args: &AggregateArgs,
    environment: &Environment,
    options: &Options,
    server: &Server,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let instance = environment.instance(None, args.engine.allow_http)?;
    let (now, _) = environment.now()?;
    let pseudonyms = pseudonym_key(environment, None)?;
    let max_rejects = options.max_rejects;
    let tables = clickhouse::TableReader { server, instance: instance.as_str(), now, max_rejects };
    let read = |intake: &mut Intake, summary: &mut Summary| {
        let (coverage, outcome) = intake.read_repeated(|count| {
            let mut add = |mut record: Record<'_>, rows| {
                finalize(&mut record, pseudonyms.as_ref());
                match record {
                    Record::Event(event) => count(&event, rows),
                    _ => Err(Error::Bug("a row of GitLab's tables is not an event".to_owned())),
                }
            };
            tables.run(&mut add, summary)
        })?;
        coverage.into_iter().for_each(|line| intake.rollups.add_coverage(line));
        summary.field("records", intake.records);
        Ok(outcome)
    };
    match args.emit {
        Emit::Rollups => write_rollups(options, read, stdout, summary),
        Emit::Metrics => write_metrics(options, read, stdout, summary),
    }
}

fn aggregate_stream(
    emit: Emit,
    options: &Options,
    input: impl Read + Send,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    match emit {
        Emit::Rollups => emit_rollups(options, input, stdout, summary),
        Emit::Metrics => write_metrics(options, read_lines(options, input), stdout, summary),
    }
}

/// The thresholds of the flags.
pub(super) fn thresholds(args: &ReportArgs) -> Result<Thresholds, Error> {
    let (regular_from, heavy_from) = (args.regular_from, args.heavy_from);
    if regular_from < heavy_from {
        Ok(Thresholds { regular_from, heavy_from })
    } else {
        Err(Error::Usage(format!(
            "--heavy-from {heavy_from} must be greater than --regular-from {regular_from}"
        )))
    }
}

/// The teams of the settings.
pub(super) fn teams(args: &ReportArgs, environment: &Environment) -> Result<Option<TeamFile>, Error> {
    let Some(path) = environment.teams(args.teams.as_deref()) else { return Ok(None) };
    let name = display_path(&path).to_string();
    let file = TeamFile::parse(name.clone(), &text_file::read(&path)?);
    file.map(Some).map_err(|reason| Error::Configuration(format!("{name}: {reason}")))
}

/// The prices of the settings. The format contains no date, so their date is the day on which
/// the file was last modified.
pub(super) fn prices(args: &ReportArgs, environment: &Environment) -> Result<Option<Prices>, Error> {
    let Some(path) = environment.prices(args.prices.as_deref()) else { return Ok(None) };
    let text = text_file::read(&path)?;
    let modified =
        fs::metadata(&path).and_then(|file| file.modified()).map_err(Error::file("read", &path))?;
    let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let day = i64::try_from(seconds).ok().and_then(Timestamp::from_unix_seconds).map(Timestamp::day);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let label = day.map_or_else(|| name.to_string(), |day| format!("{name} of {day}"));
    let prices = Prices::parse(&text, label).map_err(|reason| {
        Error::Configuration(format!(
            "{}: {reason}; use a file in the format of LiteLLM's model_prices_and_context_window.json",
            display_path(&path)
        ))
    })?;
    Ok(Some(prices))
}
