//! `check`: compares metrics with rules, and writes what they find.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::aggregate::metrics::reconcile;
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome, display_path};
use crate::base::severity::Severity;
use crate::base::text::format_count;
use crate::check::report::{Report, junit};
use crate::check::{Input, RuleSet, check};
use crate::cli::{CheckArgs, CheckFormat};
use crate::commands::metric_lines::read_nonempty_metrics;
use crate::publish::answer::{AnswerLine, answer_lines};
use crate::publish::place::Place;
use crate::publish::privacy::{Disclosure, Line, publish};
use crate::stream::lines::LineWriter;
use crate::system::settings::Environment;
use crate::system::summary::Summary;
use crate::system::text_file;

/// The most values that could not be judged, of which standard error states why.
const MAX_UNKNOWN: usize = 10;

/// The path of standard input in Code Quality reports.
const STDIN: &str = "stdin";

/// Runs the command.
pub fn run(
    args: &CheckArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let rules_file = environment.rules(args.rules.as_deref());
    let rules = rules_file.as_deref().map_or_else(|| Ok(RuleSet::default()), read_rules)?;
    let today = today(args.today, environment)?;
    let metrics = read_nonempty_metrics(stdin, summary)?;
    let min_people = args.privacy.small_group;
    // The path of `export`: rules see published lines only.
    let lines = publish(&metrics.metrics, Disclosure { min_people, open_periods: args.privacy.open_periods });
    let answers = answer_lines(&Place::all(&lines), min_people);
    let lines: Vec<Line<'_>> = answers.iter().map(AnswerLine::line).chain(lines.iter().cloned()).collect();
    let differs = metrics.metrics.iter().any(reconcile::is_unexplained);
    let input = Input { lines: &lines, coverage: &metrics.coverage, differs, loss: metrics.loss, today };
    let judged = check(&rules, &input);
    let report = Report::new(&judged);

    let path = rules_file.as_deref().or(args.input.files.first().map(PathBuf::as_path));
    let path = path.map_or_else(|| STDIN.to_owned(), |path| path.display().to_string());
    write(args, &report, &path, LineWriter::new(stdout))?;

    let unknown: Vec<String> = judged
        .iter()
        .flat_map(|(rule, judgment)| judgment.unknown.iter().map(|why| format!("{}: {why}", rule.name)))
        .collect();
    for why in unknown.iter().take(MAX_UNKNOWN) {
        summary.message(format!("not judged: {why}"));
    }
    if let Some(more) = unknown.len().checked_sub(MAX_UNKNOWN).filter(|more| *more > 0) {
        summary.message(format!("not judged: {}", format_count(more as u64, "further value")));
    }
    summary.message(format!(
        "checked {}: {}",
        format_count(rules.rules.len() as u64, "rule"),
        report.counts()
    ));
    for (name, severity) in
        [("errors", Severity::Error), ("warnings", Severity::Warning), ("infos", Severity::Info)]
    {
        summary.field(name, report.count(severity));
    }
    summary.field("rules", rules.rules.len());
    summary.field("not_judged", unknown.len());
    let fails = report.findings().iter().any(|(rule, _)| args.fail_on.includes(rule.severity));
    Ok(if fails { Outcome::Findings } else { Outcome::Complete })
}

fn read_rules(path: &Path) -> Result<RuleSet, Error> {
    let text = text_file::read(path)?;
    RuleSet::parse(&text)
        .map_err(|(line, why)| Error::Configuration(format!("{}:{line}: {why}", display_path(path))))
}

/// The day of the flag, of `DUO_METRICS_NOW` or of the clock. Without a clock, nobody would notice that
/// a pipeline no longer runs.
fn today(flag: Option<Day>, environment: &Environment) -> Result<Day, Error> {
    match flag {
        Some(day) => Ok(day),
        None => Ok(environment.now()?.0.day()),
    }
}

fn write(
    args: &CheckArgs,
    report: &Report<'_>,
    path: &str,
    mut output: LineWriter<impl Write>,
) -> Result<(), Error> {
    match args.format {
        CheckFormat::Text => output.write_serialized(report.text().as_bytes())?,
        CheckFormat::Json => report.json_lines().try_for_each(|line| output.write(&line))?,
        CheckFormat::Junit => {
            let text = junit(report, |severity| args.fail_on.includes(severity));
            output.write_serialized(text.as_bytes())?;
        }
        CheckFormat::Codequality => output.write(&report.code_quality(path))?,
        CheckFormat::Markdown => output.write_serialized(report.markdown().as_bytes())?,
        CheckFormat::Slack => output.write_serialized(report.slack().as_bytes())?,
    }
    output.flush()
}
