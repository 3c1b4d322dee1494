//! `dashboard`: a static site of each topic that is on, one folder each.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::calendar::Timestamp;
use crate::cli::{DashboardArgs, PrivacyArgs};
use crate::collectors::Topic;
use crate::error::{Error, Outcome};
use crate::line::Line;
use crate::metrics::{Definition, definitions};
use crate::output::{check_replaceable, check_writable, replace_folder};
use crate::record::Metric;
use crate::rejects::Rejects;
use crate::settings::{Environment, Switches};
use crate::site::{self, Card, Dashboard, Figures, parse_card};
use crate::stream::Lines;
use crate::summary::Summary;
use crate::wording::counted;

/// The share of unreadable metric lines that is borne, in percent: none. A page with numbers left out is wrong.
const MAX_REJECTS: f64 = 0.0;

/// Days after which a dashboard that is not made any more is dropped from the site.
const MOST_DAYS_CARRIED_OVER: i64 = 35;

/// The dashboards, and the switch of each.
const DASHBOARDS: [(Topic, Dashboard); 2] =
    [(Topic::Duo, Dashboard::Duo), (Topic::Project, Dashboard::Project)];

/// Runs the command.
pub fn run(
    args: &DashboardArgs,
    environment: &Environment,
    stdin: impl BufRead,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?.check()?;
    let figures = read_some_figures(stdin, summary)?;
    write(&args.site.site, &figures, switches, &args.privacy, summary)?;
    carry_over(&args.carry_over, &args.site.site, &figures, switches, summary)?;
    Ok(Outcome::Complete)
}

/// Takes over from earlier sites what is neither made this time nor said to be off, and is not there anyway.
fn carry_over(
    earlier: &[PathBuf],
    site: &Path,
    figures: &Figures,
    switches: Switches,
    summary: &mut Summary,
) -> Result<(), Error> {
    // Only `fetch` reads a clock: the newest answer of GitLab says when this is.
    let now = figures.coverage.iter().filter_map(|line| line.fetched_at).max();
    for (topic, kind) in DASHBOARDS {
        let folder = site.join(kind.folder());
        if switches.is_on(topic) || switches.is_off(topic) || folder.join(Dashboard::CARD).is_file() {
            continue;
        }
        let found = earlier.iter().filter_map(|site| Earlier::find(&site.join(kind.folder())));
        let Some(Earlier { folder: from, mut card, at }) = found.max_by_key(|found| found.at) else {
            continue;
        };
        if now.is_some_and(|now| now.seconds_since(at) > MOST_DAYS_CARRIED_OVER * 86_400) {
            summary.say(format!(
                "{} is of {at} and not carried over any more; switch it on again, or off with false",
                kind.folder()
            ));
            continue;
        }
        card.carried_over = true;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&from).map_err(Error::file("read", &from))? {
            let path = entry.map_err(Error::file("read", &from))?.path();
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && name != Dashboard::CARD
                && path.is_file()
            {
                files.push((name.to_owned(), std::fs::read(&path).map_err(Error::file("read", &path))?));
            }
        }
        let json = serde_json::to_vec_pretty(&card)
            .map_err(|error| Error::Bug(format!("cannot write a card: {error}")))?;
        files.push((Dashboard::CARD.to_owned(), json));
        replace_folder(&folder, &files)?;
        summary.say(format!("carried over {}, of {at}", folder.display()));
    }
    Ok(())
}

/// A dashboard of an earlier site.
struct Earlier {
    folder: PathBuf,
    card: Card,
    /// When its newest data was collected.
    at: Timestamp,
}

impl Earlier {
    /// The dashboard in a folder, if there is one that says how old it is.
    fn find(folder: &Path) -> Option<Earlier> {
        let card = parse_card(&std::fs::read(folder.join(Dashboard::CARD)).ok()?).ok()?;
        let at = card.generated_at.filter(|_| folder.join("index.html").is_file())?;
        Some(Earlier { folder: folder.to_owned(), card, at })
    }
}

/// Fails when the dashboards that are on could not be written.
pub fn check_site(site: &Path, switches: Switches) -> Result<(), Error> {
    check_writable(site)?;
    DASHBOARDS
        .into_iter()
        .filter(|(topic, _)| switches.is_on(*topic))
        .try_for_each(|(_, kind)| check_replaceable(&site.join(kind.folder()), Dashboard::CARD))
}

/// Writes the dashboards that are on, and takes away those that were said to be off.
pub fn write(
    site: &Path,
    figures: &Figures,
    switches: Switches,
    privacy: &PrivacyArgs,
    summary: &mut Summary,
) -> Result<(), Error> {
    let definitions: Vec<&Definition> = definitions().collect();
    let options = site::Options { small_group: privacy.small_group };
    let mut written = Vec::new();
    for (topic, kind) in DASHBOARDS {
        let folder = site.join(kind.folder());
        if switches.is_on(topic) {
            let files = site::dashboard(kind, figures, &definitions, &options)
                .map_err(|error| Error::Bug(format!("cannot build the page: {error}")))?;
            check_replaceable(&folder, Dashboard::CARD)?;
            let files: Vec<(String, Vec<u8>)> =
                files.into_iter().map(|file| (file.path, file.content)).collect();
            replace_folder(&folder, &files)?;
            summary.say(format!("wrote {}", folder.join("index.html").display()));
            written.push(folder.display().to_string());
        } else if switches.is_off(topic) && folder.join(Dashboard::CARD).is_file() {
            std::fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
            summary.say(format!("removed {}, which is switched off", folder.display()));
        }
    }
    summary.field("written", written);
    Ok(())
}

/// Reads metric and coverage lines, of which there have to be some: else the command before this one most likely
/// failed, and what is good is not replaced by nothing.
pub fn read_some_figures(input: impl BufRead, summary: &mut Summary) -> Result<Figures, Error> {
    let figures = read_figures(input, summary)?;
    match figures.metrics.is_empty() && figures.coverage.is_empty() {
        true => Err(Error::Input(
            "no metric line arrived; look at the command before this one in the pipe".to_owned(),
        )),
        false => Ok(figures),
    }
}

/// Reads metric and coverage lines.
pub fn read_figures(input: impl BufRead, summary: &mut Summary) -> Result<Figures, Error> {
    let mut lines = Lines::new(input);
    let mut rejects = Rejects::new(MAX_REJECTS);
    let mut figures = Figures { metrics: Vec::new(), coverage: Vec::new() };
    let mut unknown = 0;
    while let Some(line) = lines.next_line()? {
        match line.text.map_err(str::to_owned).and_then(Line::parse) {
            Ok(Line::Metric(metric)) => figures.metrics.push(*metric),
            Ok(Line::Coverage(coverage)) => figures.coverage.push(coverage),
            Ok(Line::Raw(_) | Line::Record(_) | Line::Rollup(_)) => {
                rejects.add(line.number, "not a metric line; pipe it through \"duo-metrics aggregate\" first")
            }
            Ok(Line::Unknown) => unknown += 1,
            Err(reason) => rejects.add(line.number, &reason),
        }
    }
    if unknown > 0 {
        summary.say(format!("{} of an unknown type passed over", counted(unknown, "line")));
    }
    rejects.conclude((figures.metrics.len() + figures.coverage.len()) as u64, summary)?;
    // `cat a a` is a stream too: what is said twice counts once, and the order says nothing.
    figures.coverage.sort();
    figures.coverage.dedup();
    figures.metrics.sort_by_cached_key(|metric| serde_json::to_string(metric).unwrap_or_default());
    figures.metrics.dedup();
    refuse_contradictions(&figures.metrics)?;
    Ok(figures)
}

/// Two numbers of the same thing come from runs that were put together after `aggregate`. Which one is right cannot
/// be told any more.
fn refuse_contradictions(metrics: &[Metric]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for metric in metrics {
        let Metric { metric: name, instance, scope, grain, start, end, by, .. } = metric;
        if !seen.insert((name, instance, scope, grain, start, end, by)) {
            return Err(Error::Input(format!(
                "two lines tell {name} of {scope}, {grain} from {start}, and differ; put records together, not metric lines, and aggregate them once"
            )));
        }
    }
    Ok(())
}
