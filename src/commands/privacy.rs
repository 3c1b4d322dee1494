//! `privacy audit`: attacks published sites, and lists what they reveal.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::cli::{AuditArgs, PrivacyCommand, PrivacyCommandArgs};
use crate::publish::export::{PublishedMetric, read_table};
use crate::publish::privacy::{Finding, Line, Revealed, attack, combine};
use crate::publish::site::parse_card;
use crate::system::summary::Summary;

/// The table of a dashboard.
const TABLE: &str = "metrics.csv";

/// The summary of a dashboard, beside its table.
const CARD: &str = "dashboard.json";

/// Runs the command.
pub fn run(
    args: &PrivacyCommandArgs,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let PrivacyCommand::Audit(AuditArgs { sites, small_group }) = &args.command;
    let paths: Vec<Vec<PathBuf>> = sites.iter().map(|site| tables_in(site)).collect::<Result<_, _>>()?;
    let tables: Vec<Vec<PublishedMetric>> =
        paths.iter().map(|tables| read_site(tables)).collect::<Result<_, _>>()?;
    let by_site: Vec<Vec<Line<'_>>> = tables.iter().map(|table| lines_of(table)).collect();
    let (lines, changes) = combine(&by_site);
    let mut findings: Vec<String> =
        attack(&lines, *small_group).iter().map(|finding| sentence(&lines, finding)).collect();
    for (at, difference) in changes.iter().filter(|(_, difference)| *difference < *small_group as f64) {
        findings.push(format!("{}: two sites differ by {difference}", place(&lines[*at])));
    }
    for finding in &findings {
        writeln!(stdout, "{finding}").map_err(Error::writing)?;
    }
    stdout.flush().map_err(Error::writing)?;
    let suppressed = lines.iter().filter(|line| line.is_suppressed).count() as u64;
    summary.message(format!(
        "attacked {} of {}, {} suppressed",
        format_count(lines.len() as u64, "value"),
        format_count(sites.len() as u64, "site"),
        format_count(suppressed, "value"),
    ));
    summary.field("values", lines.len());
    summary.field("suppressed", suppressed);
    summary.field("findings", findings.len());
    if paths.iter().flatten().any(|table| has_open_periods(table)) {
        summary.message(
            "the sites have periods that can still change (--open-periods): sites of successive days reveal the day between",
        );
    }
    if findings.is_empty() {
        summary.message(format!("no count of fewer than {small_group} people can be derived"));
        return Ok(Outcome::Complete);
    }
    Err(Error::Input(format!(
        "the sites reveal {}; create them again with this version, and remove the old ones",
        format_count(findings.len() as u64, "count")
    )))
}

/// The published values of the tables of a site.
fn read_site(tables: &[PathBuf]) -> Result<Vec<PublishedMetric>, Error> {
    let mut metrics = Vec::new();
    for path in tables {
        let content = fs::read(path).map_err(Error::file("read", path))?;
        let read =
            read_table(&content).map_err(|error| Error::Input(format!("{}: {error}", display_path(path))))?;
        metrics.extend(read);
    }
    Ok(metrics)
}

/// Whether the dashboard of a table publishes periods that can still change.
fn has_open_periods(table: &Path) -> bool {
    let card = fs::read(table.with_file_name(CARD)).ok();
    card.and_then(|card| parse_card(&card).ok()).is_some_and(|card| card.open_periods)
}

/// The tables of a site: one `metrics.csv`, or those of all dashboards in a folder.
fn tables_in(site: &Path) -> Result<Vec<PathBuf>, Error> {
    if site.is_file() {
        return Ok(vec![site.to_owned()]);
    }
    let entries = fs::read_dir(site).map_err(Error::file("read", site))?;
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.push(site.to_owned());
    folders.sort();
    let tables: Vec<PathBuf> =
        folders.into_iter().map(|folder| folder.join(TABLE)).filter(|path| path.is_file()).collect();
    if tables.is_empty() {
        return Err(Error::Input(format!(
            "{} contains no {TABLE}; name the folder of a published site",
            display_path(site)
        )));
    }
    Ok(tables)
}

/// The lines of a site, in the order of `publish`. `coverage` lines are on both dashboards.
fn lines_of(metrics: &[PublishedMetric]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> =
        metrics.iter().map(|line| Line::published(&line.metric, line.is_suppressed)).collect();
    lines.sort_by(|one, other| one.key().cmp(&other.key()));
    lines.dedup_by(|one, other| one.key() == other.key());
    lines
}

fn sentence(lines: &[Line<'_>], finding: &Finding) -> String {
    let place = place(&lines[finding.line]);
    match finding.revealed {
        Revealed::Suppressed { low, high } if low == high => format!("{place}: suppressed, but it is {low}"),
        Revealed::Suppressed { low, high } => {
            format!("{place}: suppressed, but it is between {low} and {high}")
        }
        Revealed::FewPeople(people) => format!("{place}: {}", format_count(people, "person")),
        Revealed::Others { people, of } => {
            let other = &lines[of];
            format!("{place}: {people} people are in {} and not here", self::place(other))
        }
    }
}

/// What a line is about, in words.
fn place(line: &Line<'_>) -> String {
    let period = line.period;
    let mut text =
        format!("{}, {}, {} {} to {}", line.metric, line.scope, period.grain, period.start, period.end);
    for (name, value) in line.by.iter() {
        text.push_str(&format!(", {name} {}", crate::base::text::to_single_line(value)));
    }
    if let Some(population) = line.population {
        text.push_str(&format!(", {}", population.as_str()));
    }
    text
}
