//! `dashboard`: writes a static site for each enabled dashboard, in one folder each.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::calendar::Timestamp;
use crate::base::error::{Error, Outcome, display_path};
use crate::cli::DashboardArgs;
use crate::commands::metric_lines::read_nonempty_metrics;
use crate::commands::site_files::{read_theme, with_compressed_copies};
use crate::model::topic::Topic;
use crate::publish::site::{self, Card, Dashboard, MetricReport, Published, SiteFile, parse_card};
use crate::system::files::{AtomicFolder, check_replaceable, check_writable, remove_site_folder};
use crate::system::settings::{Environment, Switches};
use crate::system::summary::Summary;
use crate::system::text_file;

/// Maximum age of a dashboard that is carried over, in days.
const MAX_CARRY_OVER_DAYS: i64 = 35;

const SECONDS_PER_DAY: i64 = 86_400;

/// The dashboards, with the topic that enables each.
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
    let report = read_nonempty_metrics(stdin, summary)?;
    let options = site::Options { small_group: args.privacy.small_group, theme: &theme };
    write(&args.site.site, &report, switches, &options, summary)?;
    carry_over(&args.carry_over, &args.site.site, &report, switches, summary)?;
    Ok(Outcome::Complete)
}

/// Copies from earlier sites each dashboard that is neither enabled nor disabled and that this site
/// does not have.
fn carry_over(
    earlier: &[PathBuf],
    site: &Path,
    report: &MetricReport,
    switches: Switches,
    summary: &mut Summary,
) -> Result<(), Error> {
    // Only `fetch` reads a clock. Here the newest response of GitLab is the current time.
    let now = report.coverage.iter().filter_map(|line| line.fetched_at).max();
    for (topic, kind) in DASHBOARDS {
        let folder = site.join(kind.folder());
        if switches.is_on(topic) || switches.is_off(topic) || folder.join(Dashboard::CARD).is_file() {
            continue;
        }
        let found = earlier.iter().filter_map(|site| EarlierDashboard::find(&site.join(kind.folder())));
        let Some(found) = found.max_by_key(|found| found.generated_at) else { continue };
        let at = found.generated_at;
        if now.is_some_and(|now| now.seconds_since(at) > MAX_CARRY_OVER_DAYS * SECONDS_PER_DAY) {
            summary.message(format!(
                "{} is from {at} and too old to carry over; enable it again, or disable it with false",
                kind.folder()
            ));
            continue;
        }
        let files = with_compressed_copies(found.files()?)?;
        check_replaceable(&folder, Dashboard::CARD)?;
        AtomicFolder::create(&folder, files.iter().map(|file| (&*file.path, &*file.content)))?.commit()?;
        summary.message(format!("carried over {} from {at}", display_path(&folder)));
    }
    Ok(())
}

/// A dashboard of an earlier site.
struct EarlierDashboard {
    folder: PathBuf,
    card: Card,
    /// When its newest data was collected.
    generated_at: Timestamp,
}

impl EarlierDashboard {
    /// The dashboard in a folder, if there is one whose age is known.
    fn find(folder: &Path) -> Option<EarlierDashboard> {
        let card = parse_card(&text_file::read_bytes(&folder.join(Dashboard::CARD)).ok()?).ok()?;
        let generated_at = card.generated_at.filter(|_| folder.join("index.html").is_file())?;
        Some(EarlierDashboard { folder: folder.to_owned(), card, generated_at })
    }

    /// Its files, with a card that marks it as carried over. Without compressed copies: the earlier
    /// site may have none, and that of the card would be outdated.
    fn files(mut self) -> Result<Vec<SiteFile>, Error> {
        self.card.carried_over = true;
        let json = serde_json::to_vec_pretty(&self.card)
            .map_err(|error| Error::Bug(format!("cannot write a card: {error}")))?;
        let mut files = vec![SiteFile { path: Dashboard::CARD.to_owned(), content: json }];
        for entry in std::fs::read_dir(&self.folder).map_err(Error::file("read", &self.folder))? {
            let path = entry.map_err(Error::file("read", &self.folder))?.path();
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
        Ok(files)
    }
}

/// Fails if the enabled dashboards could not be written.
pub(super) fn check_site(site: &Path, switches: Switches) -> Result<(), Error> {
    check_writable(site)?;
    DASHBOARDS
        .into_iter()
        .filter(|(topic, _)| switches.is_on(*topic))
        .try_for_each(|(_, kind)| check_replaceable(&site.join(kind.folder()), Dashboard::CARD))
}

/// Writes the enabled dashboards and removes the disabled ones.
pub(super) fn write(
    site: &Path,
    report: &MetricReport,
    switches: Switches,
    options: &site::Options<'_>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let definitions: Vec<&Definition> = definitions().collect();
    let kinds = DASHBOARDS.into_iter().filter(|(topic, _)| switches.is_on(*topic)).map(|(_, kind)| kind);
    let built: Vec<_> = thread::scope(|scope| {
        let definitions = &definitions;
        let build = |kind| (kind, scope.spawn(move || build(kind, report, definitions, options)));
        let building: Vec<_> = kinds.map(build).collect();
        building.into_iter().map(|(kind, thread)| (kind, join(thread))).collect()
    });
    // All folders are complete before the first one replaces an old one.
    let mut ready = Vec::new();
    for (kind, files) in built {
        let files = files?;
        let folder = site.join(kind.folder());
        check_replaceable(&folder, Dashboard::CARD)?;
        ready.push(AtomicFolder::create(&folder, files.iter().map(|file| (&*file.path, &*file.content)))?);
    }
    let mut written = Vec::new();
    for folder in ready {
        let path = folder.commit()?;
        summary.message(format!("wrote {}", path.join("index.html").display()));
        written.push(path.display().to_string());
    }
    for (_, kind) in DASHBOARDS.into_iter().filter(|(topic, _)| switches.is_off(*topic)) {
        let folder = site.join(kind.folder());
        if folder.join(Dashboard::CARD).is_file() {
            remove_site_folder(&folder)?;
            summary.message(format!("removed {}, because the dashboard is disabled", display_path(&folder)));
        }
    }
    summary.field("written", written);
    Ok(())
}

/// The files of a dashboard with their compressed copies. The table takes as long as the page, so
/// they are built in parallel.
fn build(
    kind: Dashboard,
    report: &MetricReport,
    definitions: &[&Definition],
    options: &site::Options<'_>,
) -> Result<Vec<SiteFile>, Error> {
    let cannot_build = |error| Error::Bug(format!("cannot build the page: {error}"));
    let published = Published::new(kind, report, options);
    thread::scope(|scope| {
        let table = scope.spawn(|| with_compressed_copies(vec![published.table().map_err(cannot_build)?]));
        let mut files = with_compressed_copies(published.page(definitions).map_err(cannot_build)?)?;
        files.extend(join(table)?);
        Ok(files)
    })
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| Err(Error::Bug("a thread that builds a page panicked".to_owned())))
}
