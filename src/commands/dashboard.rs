//! `dashboard`: a static site of each topic that is on, one folder each.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::calendar::Timestamp;
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::DashboardArgs;
use crate::model::line::{Line, metric_of_split_day};
use crate::model::record::Metric;
use crate::model::topic::Topic;
use crate::publish::privacy::{is_about_no_person, may_leave};
use crate::publish::site::{
    self, Card, Dashboard, Encoding, Figures, LOGO_FILES, Published, SiteFile, THEME_FILE, Theme, parse_card,
};
use crate::stream::chunks::{Chunk, side_by_side, work_through};
use crate::stream::rejects::Rejects;
use crate::system::files::{NewFolder, check_replaceable, check_writable};
use crate::system::settings::{Environment, Switches};
use crate::system::summary::Summary;
use crate::system::text_file;

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
    stdin: impl Read + Send,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?.check()?;
    let theme = read_theme(args.theme.theme.as_deref())?;
    let figures = read_some_figures(stdin, summary)?;
    let options = site::Options { small_group: args.privacy.small_group, theme: &theme };
    write(&args.site.site, &figures, switches, &options, summary)?;
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
        let json = serde_json::to_vec_pretty(&card)
            .map_err(|error| Error::Bug(format!("cannot write a card: {error}")))?;
        let mut files = vec![SiteFile { path: Dashboard::CARD.to_owned(), content: json }];
        for entry in std::fs::read_dir(&from).map_err(Error::file("read", &from))? {
            let path = entry.map_err(Error::file("read", &from))?.path();
            // Compressed copies are made anew: the earlier site may have none, and those of the card are of it as it was.
            let is_copy = path.extension().is_some_and(|extension| extension == "br" || extension == "gz");
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && name != Dashboard::CARD
                && !is_copy
                && path.is_file()
            {
                let content = std::fs::read(&path).map_err(Error::file("read", &path))?;
                files.push(SiteFile { path: name.to_owned(), content });
            }
        }
        let files = with_copies(files)?;
        check_replaceable(&folder, Dashboard::CARD)?;
        NewFolder::create(&folder, files.iter().map(|file| (&*file.path, &*file.content)))?.keep()?;
        summary.say(format!("carried over {}, of {at}", shown(&folder)));
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
    options: &site::Options<'_>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let definitions: Vec<&Definition> = definitions().collect();
    // All are written before the first one is put in the place of an old one.
    let kinds = DASHBOARDS.into_iter().filter(|(topic, _)| switches.is_on(*topic)).map(|(_, kind)| kind);
    let built: Vec<_> = thread::scope(|scope| {
        let definitions = &definitions;
        let build = |kind| (kind, scope.spawn(move || build(kind, figures, definitions, options)));
        let building: Vec<_> = kinds.map(build).collect();
        building.into_iter().map(|(kind, thread)| (kind, joined(thread))).collect()
    });
    let mut ready = Vec::new();
    for (kind, files) in built {
        let files = files?;
        let folder = site.join(kind.folder());
        check_replaceable(&folder, Dashboard::CARD)?;
        ready.push(NewFolder::create(&folder, files.iter().map(|file| (&*file.path, &*file.content)))?);
    }
    let mut written = Vec::new();
    for folder in ready {
        let path = folder.keep()?;
        summary.say(format!("wrote {}", path.join("index.html").display()));
        written.push(path.display().to_string());
    }
    for (_, kind) in DASHBOARDS.into_iter().filter(|(topic, _)| switches.is_off(*topic)) {
        let folder = site.join(kind.folder());
        if folder.join(Dashboard::CARD).is_file() {
            std::fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
            summary.say(format!("removed {}, which is switched off", shown(&folder)));
        }
    }
    summary.field("written", written);
    Ok(())
}

/// The files of a dashboard with their compressed copies. The table is as much work as the page: both are made at once.
fn build(
    kind: Dashboard,
    figures: &Figures,
    definitions: &[&Definition],
    options: &site::Options<'_>,
) -> Result<Vec<SiteFile>, Error> {
    let cannot_build = |error| Error::Bug(format!("cannot build the page: {error}"));
    let published = Published::new(kind, figures, options);
    thread::scope(|scope| {
        let table = scope.spawn(|| with_copies(vec![published.table().map_err(cannot_build)?]));
        let mut files = with_copies(published.page(definitions).map_err(cannot_build)?)?;
        files.extend(joined(table)?);
        Ok(files)
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| Err(Error::Bug("a page stopped being built by itself".to_owned())))
}

/// The files and their compressed copies, which are made side by side.
pub fn with_copies(mut files: Vec<SiteFile>) -> Result<Vec<SiteFile>, Error> {
    let mut made = Vec::with_capacity(files.len() * 2);
    let copies =
        files.iter().flat_map(|file| [Encoding::Brotli, Encoding::Gzip].map(|encoding| Ok((file, encoding))));
    let copy = |(): &mut (), (file, encoding): (&SiteFile, Encoding)| encoding.of(file);
    side_by_side(copies, vec![(); cores()], copy, |_, copy| {
        made.push(copy.map_err(|error| Error::Bug(format!("cannot compress a page: {error}")))?);
        Ok(())
    })?;
    files.extend(made);
    Ok(files)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Reads a theme's folder; without one, pages look as they do.
pub fn read_theme(folder: Option<&Path>) -> Result<Theme, Error> {
    let Some(folder) = folder else { return Ok(Theme::default()) };
    let path = folder.join(THEME_FILE);
    let json = match std::fs::read(&path) {
        // A logo alone is a theme too.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => b"{}".to_vec(),
        read => read.map_err(Error::file("read", &path))?,
    };
    let json =
        text_file::decode(&json).map_err(|why| Error::Configuration(format!("{}{why}", shown(&path))))?;
    let logo = LOGO_FILES.iter().map(|(name, media_type)| (folder.join(name), *media_type));
    let logo = logo.into_iter().find(|(path, _)| path.is_file());
    let logo = logo
        .map(|(path, media_type)| Ok((media_type, std::fs::read(&path).map_err(Error::file("read", &path))?)))
        .transpose()?;
    Theme::read(json.as_bytes(), logo.as_ref().map(|(media_type, content)| (*media_type, &**content)))
        .map_err(|why| Error::Configuration(format!("{}: {why}", shown(folder))))
}

/// Reads metric and coverage lines, of which there have to be some: else the command before this one most likely
/// failed, and what is good is not replaced by nothing.
pub fn read_some_figures(input: impl Read + Send, summary: &mut Summary) -> Result<Figures, Error> {
    let figures = read_figures(input, summary)?;
    match figures.metrics.is_empty() && figures.coverage.is_empty() {
        true => Err(Error::Input(
            "no metric line arrived; look at the command before this one in the pipe".to_owned(),
        )),
        false => Ok(figures),
    }
}

/// What a chunk of the stream holds.
#[derive(Default)]
struct Part {
    figures: Figures,
    read: u64,
    unknown: u64,
    rejected: Vec<(u64, String)>,
    lines: u64,
}

/// Reads metric and coverage lines, on all cores; keeps those of which something may leave.
pub fn read_figures(input: impl Read + Send, summary: &mut Summary) -> Result<Figures, Error> {
    let mut rejects = Rejects::new(MAX_REJECTS);
    let mut figures = Figures::default();
    let (mut read, mut unknown, mut lines_before) = (0, 0, 0);
    work_through(
        input,
        vec![(); cores()],
        |(), chunk| read_chunk(chunk),
        |_, part| {
            figures.metrics.extend(part.figures.metrics);
            figures.coverage.extend(part.figures.coverage);
            figures.former.extend(part.figures.former);
            read += part.read;
            unknown += part.unknown;
            part.rejected.iter().for_each(|(number, reason)| rejects.add(lines_before + number, reason));
            lines_before += part.lines;
            Ok(())
        },
    )?;
    if unknown > 0 {
        summary.say(format!("{} of an unknown type passed over", counted(unknown, "line")));
    }
    rejects.conclude(read, summary)?;
    // `cat a a` is a stream too: what is said twice counts once, and the order says nothing.
    figures.coverage.sort();
    figures.coverage.dedup();
    figures.former.sort();
    figures.former.dedup();
    figures.metrics.sort_by(|one, other| identity(one).cmp(&identity(other)));
    figures.metrics.dedup();
    refuse_contradictions(&figures.metrics)?;
    Ok(figures)
}

fn read_chunk(chunk: &Chunk) -> Part {
    let mut part = Part::default();
    let mut lines = chunk.lines();
    for line in &mut lines {
        if line.text.is_ok_and(cannot_leave) {
            part.read += 1;
            continue;
        }
        let mut room = None;
        match line.text.map_err(str::to_owned).and_then(|text| Line::parse_or_repair(text, &mut room)) {
            Ok(Line::Metric(metric)) => {
                part.read += 1;
                if may_leave(&metric) {
                    part.figures.metrics.push(*metric);
                }
            }
            Ok(Line::Coverage(coverage)) => {
                part.read += 1;
                part.figures.coverage.push(coverage);
            }
            Ok(Line::FormerGroup(former)) => {
                part.read += 1;
                part.figures.former.push(former);
            }
            Ok(Line::Raw(_) | Line::Record(_) | Line::Rollup(_)) => {
                let reason = "not a metric line; pipe it through \"duo-metrics aggregate\" first";
                part.rejected.push((line.number, reason.to_owned()));
            }
            Ok(Line::Unknown) => part.unknown += 1,
            Err(reason) => part.rejected.push((line.number, reason)),
        }
    }
    part.lines = lines.count_so_far();
    part
}

/// Whether nothing that leaves is made of the line, as far as that can be seen without reading it.
fn cannot_leave(text: &str) -> bool {
    metric_of_split_day(text).is_some_and(|metric| !is_about_no_person(metric))
}

/// What a metric line speaks of.
fn identity(line: &Metric) -> impl Ord + '_ {
    let Metric { metric, instance, scope, grain, start, end, by, population, .. } = line;
    (metric, instance, scope, grain, start, end, population, by)
}

/// Two numbers of the same thing come from runs that were put together after `aggregate`. Which one is right cannot
/// be told any more. The lines are in order.
fn refuse_contradictions(metrics: &[Metric]) -> Result<(), Error> {
    for pair in metrics.windows(2) {
        let [one, other] = pair else { continue };
        if identity(one) == identity(other) {
            let Metric { metric, scope, grain, start, .. } = one;
            return Err(Error::Input(format!(
                "two lines tell {metric} of {scope}, {grain} from {start}, and differ; put records together, not metric lines, and aggregate them once"
            )));
        }
    }
    Ok(())
}
