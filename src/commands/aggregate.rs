//! `aggregate`: every number that is shown anywhere.

use std::io::{Read, Write};

use crate::calendar::Day;
use crate::chunks::{Chunk, work_through};
use crate::cli::{AggregateArgs, Emit, ReportArgs};
use crate::collectors::{Span, by_name};
use crate::error::{Error, Outcome};
use crate::line::Line;
use crate::line::Record;
use crate::metrics::{self, Thresholds};
use crate::record::Coverage;
use crate::rejects::Rejects;
use crate::rollup::{Batch, Meanings, Reader, Rollups, Target};
use crate::settings::{Environment, check_range};
use crate::site::Figures;
use crate::stream::LineWriter;
use crate::summary::Summary;
use crate::view::Resolved;
use crate::wording::counted;

/// What is reported, and how much bad input is borne.
pub struct Options {
    /// The first day; else the first that was collected.
    pub since: Option<Day>,
    /// The last day; else the last that was collected.
    pub until: Option<Day>,
    /// Where definitions can be set.
    pub thresholds: Thresholds,
    /// Share of rejected lines above which the input is refused, in percent.
    pub max_rejects: f64,
    /// How many threads read.
    pub threads: usize,
}

/// Runs the command.
pub fn run(
    args: &AggregateArgs,
    environment: &Environment,
    stdin: impl Read + Send,
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
        max_rejects: args.rejects.max_rejects,
        threads: args.threads.count(),
    };
    if args.emit == Emit::Rollups {
        return emit_rollups(&options, stdin, stdout, summary);
    }
    let (figures, outcome) = aggregate(&options, stdin, summary)?;
    let mut output = LineWriter::new(stdout);
    figures.coverage.iter().try_for_each(|line| output.write(line))?;
    figures.metrics.iter().try_for_each(|line| output.write(line))?;
    output.flush()?;
    Ok(outcome)
}

/// The thresholds of the flags.
pub fn thresholds(args: &ReportArgs) -> Result<Thresholds, Error> {
    let ReportArgs { regular_from, heavy_from } = *args;
    match regular_from < heavy_from {
        true => Ok(Thresholds { regular_from, heavy_from }),
        false => Err(Error::Usage(format!(
            "--heavy-from {heavy_from} has to be above --regular-from {regular_from}"
        ))),
    }
}

/// What was read.
pub struct Reading {
    /// What the lines say.
    pub rollups: Rollups,
    /// How many records there were.
    pub records: u64,
    /// Whether all of them could be read.
    pub outcome: Outcome,
}

/// What was found in a chunk of the stream.
struct PartRead {
    batch: Batch,
    /// Lines that are no usage events, with their numbers in the chunk.
    others: Vec<(u64, String)>,
    rejected: Vec<(u64, String)>,
    lines: u64,
}

fn read_chunk(reader: &mut Reader, chunk: &Chunk) -> PartRead {
    let (mut others, mut rejected) = (Vec::new(), Vec::new());
    for line in chunk.lines() {
        match line.text.map_err(str::to_owned).and_then(|text| Ok((text, reader.read(text)?))) {
            Ok((_, None)) => {}
            Ok((text, Some(_))) => others.push((line.number, text.to_owned())),
            Err(reason) => rejected.push((line.number, reason)),
        }
    }
    PartRead { batch: reader.batch(), others, rejected, lines: chunk.line_count() }
}

/// Reads records, rollup and coverage lines. Records that are no usage events are handed to `pass` too.
pub fn read(
    max_rejects: f64,
    threads: usize,
    input: impl Read + Send,
    summary: &mut Summary,
    mut pass: impl FnMut(&Record<'_>) -> Result<(), Error>,
) -> Result<Reading, Error> {
    let mut rollups = Rollups::default();
    let mut rejects = Rejects::new(max_rejects);
    let (mut records, mut covered, mut unknown, mut lines_before) = (0, 0, 0, 0);
    let readers: Vec<Reader> = (0..threads).map(|_| Reader::default()).collect();
    let mut meanings: Vec<Meanings> = (0..threads).map(|_| Meanings::default()).collect();
    work_through(input, readers, read_chunk, |reader, part| {
        records += part.batch.len();
        rollups.take(part.batch, &mut meanings[reader]);
        for (number, text) in part.others {
            let added = match Line::parse(&text) {
                Ok(Line::Record(record)) => {
                    records += 1;
                    pass(&record)?;
                    rollups.add(&record).map_err(str::to_owned)
                }
                Ok(Line::Coverage(coverage)) => {
                    rollups.cover(coverage);
                    covered += 1;
                    Ok(())
                }
                Ok(Line::Raw(_)) => {
                    Err("a raw line; pipe it through \"duo-metrics normalize\" first".to_owned())
                }
                Ok(Line::Metric(_) | Line::Rollup(_) | Line::Unknown) => {
                    unknown += 1;
                    Ok(())
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = added {
                rejects.add(lines_before + number, &reason);
            }
        }
        part.rejected.iter().for_each(|(number, reason)| rejects.add(lines_before + number, reason));
        lines_before += part.lines;
        Ok(())
    })?;
    rollups.finish();
    let of_nobody: u64 = rollups
        .arrived_by_collector()
        .filter(|(name, _)| by_name(name).is_none())
        .map(|(_, rows)| rows)
        .sum();
    if of_nobody > 0 {
        summary.say(format!("{} of collectors that no metric rests on", counted(of_nobody, "record")));
    }
    if unknown > 0 {
        summary
            .say(format!("{} of a type that aggregate does not read passed over", counted(unknown, "line")));
    }
    for (name, count) in [("records", records), ("rejected", rejects.count()), ("skipped", unknown)] {
        summary.field(name, count);
    }
    let outcome = rejects.conclude(records + covered + unknown, summary)?;
    if let Some((target, fetched_at)) = rollups.overlap() {
        let text = |name| rollups.names.text(name);
        return Err(Error::Input(format!(
            "{} of {} on {}, fetched {fetched_at}: its parts were counted from rows that overlap, so more arrived than there are; aggregate the records themselves, or parts that share no row",
            text(target.collector),
            text(target.scope),
            target.day
        )));
    }
    Ok(Reading { rollups, records, outcome })
}

/// Counts usage events and passes everything else on.
pub fn emit_rollups(
    options: &Options,
    input: impl Read + Send,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut output = LineWriter::new(output);
    let Reading { rollups, outcome, .. } =
        read(options.max_rejects, options.threads, input, summary, |record| output.write(record))?;
    rollups.coverage().iter().try_for_each(|line| output.write(line))?;
    let mut count = 0;
    rollups.for_each_rollup(|line| {
        count += 1;
        output.write(line)
    })?;
    output.flush()?;
    summary.say(counted(count, "rollup line"));
    summary.field("rollups", count);
    Ok(outcome)
}

/// Reads records, rollup and coverage lines and computes everything.
pub fn aggregate(
    options: &Options,
    input: impl Read + Send,
    summary: &mut Summary,
) -> Result<(Figures, Outcome), Error> {
    let Reading { rollups, records, outcome } =
        read(options.max_rejects, options.threads, input, summary, |_| Ok(()))?;
    let resolved = Resolved::of(&rollups);
    let (coverage, cut) = covered(&resolved, summary);
    let metrics = match range(options, &rollups) {
        Some((since, until)) => metrics::compute(&resolved, since, until, options.thresholds),
        None => Vec::new(),
    };
    summary.say(format!(
        "{} from {}",
        counted(metrics.len() as u64, "metric line"),
        counted(records, "record")
    ));
    summary.field("metrics", metrics.len());
    Ok((Figures { coverage, metrics }, outcome.max(cut)))
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

/// The days to report: those asked for, else those that the coverage lines speak of, else those of the records. The
/// day a snapshot was taken on is not a day to report, unless there is nothing else.
fn range(options: &Options, rollups: &Rollups) -> Option<(Day, Day)> {
    let is_snapshot = |target: &&Target| {
        by_name(rollups.names.text(target.collector))
            .is_some_and(|collector| collector.span() == Span::Snapshot)
    };
    let days = |targets: &[Target]| {
        let (snapshots, others): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(is_snapshot);
        let targets = if others.is_empty() { snapshots } else { others };
        let days = targets.iter().map(|target| target.day);
        Some((days.clone().min()?, days.max()?))
    };
    let covered: Vec<Target> = rollups.covered().collect();
    let recorded: Vec<Target> = rollups.fetches.keys().copied().collect();
    let collected = days(&covered).or_else(|| days(&recorded));
    let since = options.since.or(collected.map(|(since, _)| since))?;
    let until = options.until.or(collected.map(|(_, until)| until))?;
    (since <= until).then_some((since, until))
}
