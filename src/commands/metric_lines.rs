//! Reads the output of `aggregate`: metric and coverage lines.

use std::io::Read;
use std::thread;

use crate::base::error::Error;
use crate::base::text::format_count;
use crate::model::line::{DailyBreakdown, Line, daily_breakdown};
use crate::model::metric::Metric;
use crate::publish::privacy::{is_breakdown_used, is_used};
use crate::publish::site::MetricReport;
use crate::stream::chunks::{Chunk, process_chunks};
use crate::stream::misplaced::{LineKind, Misplaced, Stage};
use crate::stream::rejects::{ChunkRejects, Rejects};
use crate::system::summary::Summary;

/// Maximum share of rejected metric lines, in percent: none, because a page without some of the
/// values would be wrong.
const MAX_REJECTS: f64 = 0.0;

/// Number of cores of this machine.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Reads metric and coverage lines, and fails if there are none: then most likely the command
/// before this one failed, and a good site must not be replaced by an empty one.
pub(super) fn read_nonempty_metrics(
    input: impl Read + Send,
    summary: &mut Summary,
) -> Result<MetricReport, Error> {
    let report = read_metrics(input, summary)?;
    if report.metrics.is_empty() && report.coverage.is_empty() {
        return Err(Error::Input(
            "the input has no metric lines; check the command before this one in the pipe".to_owned(),
        ));
    }
    Ok(report)
}

/// Reads metric and coverage lines with one thread per core. Keeps those that can be published,
/// sorted and without duplicates.
pub(super) fn read_metrics(input: impl Read + Send, summary: &mut Summary) -> Result<MetricReport, Error> {
    let mut rejects = Rejects::new(MAX_REJECTS);
    let mut misplaced = Misplaced::default();
    let mut report = MetricReport::default();
    let (mut read, mut unknown, mut lines_before) = (0, 0, 0);
    process_chunks(
        input,
        vec![(); cores()],
        |(), chunk| read_chunk(chunk),
        |_, chunk| {
            report.metrics.extend(chunk.report.metrics);
            report.coverage.extend(chunk.report.coverage);
            report.former.extend(chunk.report.former);
            report.loss = report.loss.max(chunk.report.loss);
            read += chunk.read;
            unknown += chunk.unknown;
            rejects.add_chunk(lines_before, &chunk.rejected);
            misplaced.add_chunk(lines_before, &chunk.misplaced);
            lines_before += chunk.lines;
            Ok(())
        },
    )?;
    if let Some(error) = misplaced.error(Stage::Publish) {
        return Err(error);
    }
    if unknown > 0 {
        summary.message(format!("skipped {} of an unknown type", format_count(unknown, "line")));
    }
    rejects.conclude(read, summary)?;
    // The same line twice counts once, so that streams can be concatenated.
    report.coverage.sort();
    report.coverage.dedup();
    report.former.sort();
    report.former.dedup();
    report.metrics.sort_by(|one, other| identity(one).cmp(&identity(other)));
    report.metrics.dedup();
    check_consistent(&report.metrics)?;
    Ok(report)
}

/// The metrics of one chunk of the stream. Line numbers count from its start.
#[derive(Default)]
struct ChunkMetrics {
    report: MetricReport,
    read: u64,
    unknown: u64,
    rejected: ChunkRejects,
    misplaced: Misplaced,
    lines: u64,
}

fn read_chunk(chunk: &Chunk) -> ChunkMetrics {
    let mut found = ChunkMetrics::default();
    let mut lines = chunk.lines();
    for line in &mut lines {
        if line.text.is_ok_and(is_unused) {
            found.read += 1;
            continue;
        }
        let mut room = None;
        match line.text.map_err(str::to_owned).and_then(|text| Line::parse_or_repair(text, &mut room)) {
            Ok(Line::Metric(metric)) => {
                found.read += 1;
                if is_used(&metric) {
                    found.report.metrics.push(*metric);
                }
            }
            Ok(Line::Coverage(coverage)) => {
                found.read += 1;
                found.report.coverage.push(coverage);
            }
            Ok(Line::FormerGroup(former)) => {
                found.read += 1;
                found.report.former.push(former);
            }
            Ok(Line::HistoryLoss(loss)) => {
                found.read += 1;
                found.report.loss = found.report.loss.max(Some(loss));
            }
            Ok(Line::Raw(_)) => found.misplaced.add(line.number, LineKind::Raw),
            Ok(Line::Record(_)) => found.misplaced.add(line.number, LineKind::Record),
            Ok(Line::Rollup(_)) => found.misplaced.add(line.number, LineKind::Rollup),
            Ok(Line::Unknown) => found.unknown += 1,
            Err(reason) => found.rejected.add(line.number, &reason),
        }
    }
    found.lines = lines.lines_read();
    found
}

/// Whether a line is neither published nor used for suppression, as far as its first fields show. Such
/// lines are not parsed.
fn is_unused(text: &str) -> bool {
    let is_unused = |line: DailyBreakdown<'_>| {
        let dimension = (!line.has_more_dimensions).then_some(line.dimension);
        line.day.parse().is_ok_and(|day| !is_breakdown_used(line.metric, day, dimension))
    };
    daily_breakdown(text).is_some_and(is_unused)
}

/// The fields that identify a metric line.
fn identity(line: &Metric) -> impl Ord + '_ {
    let Metric { metric, instance, scope, grain, start, end, by, population, .. } = line;
    (metric, instance, scope, grain, start, end, population, by)
}

/// Fails if two lines have different values of the same metric: they come from runs that were
/// concatenated after `aggregate`, and neither is right. The lines are sorted.
fn check_consistent(metrics: &[Metric]) -> Result<(), Error> {
    for pair in metrics.windows(2) {
        let [one, other] = pair else { continue };
        if identity(one) == identity(other) {
            let Metric { metric, scope, grain, start, .. } = one;
            return Err(Error::Input(format!(
                "two lines of {metric} of {scope}, {grain} from {start}, have different values; concatenate records, not metric lines, and aggregate them once"
            )));
        }
    }
    Ok(())
}
