//! `privacy audit`: attacks published sites, and lists what they reveal.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::cli::{AuditArgs, PrivacyCommand, PrivacyCommandArgs};
use crate::publish::export::{PublishedMetric, read_table};
use crate::publish::privacy::{Finding, Line, Revealed, attack, combine};
use crate::system::summary::Summary;

/// The table of a dashboard.
const TABLE: &str = "metrics.csv";

/// Runs the command.
pub fn run(
    args: &PrivacyCommandArgs,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let PrivacyCommand::Audit(AuditArgs { sites, small_group }) = &args.command;
    let tables: Vec<Vec<PublishedMetric>> =
        sites.iter().map(|site| read_site(site)).collect::<Result<_, _>>()?;
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
    if findings.is_empty() {
        summary.message(format!("no count of fewer than {small_group} people can be derived"));
        return Ok(Outcome::Complete);
    }
    Err(Error::Input(format!(
        "the sites reveal {}; create them again with this version, and remove the old ones",
        format_count(findings.len() as u64, "count")
    )))
}

/// The published values of a site: of one `metrics.csv`, or of all dashboards in a folder.
fn read_site(site: &Path) -> Result<Vec<PublishedMetric>, Error> {
    let mut metrics = Vec::new();
    for path in tables_in(site)? {
        let content = fs::read(&path).map_err(Error::file("read", &path))?;
        let read = read_table(&content)
            .map_err(|error| Error::Input(format!("{}: {error}", display_path(&path))))?;
        metrics.extend(read);
    }
    Ok(metrics)
}

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
