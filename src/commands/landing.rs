//! `landing`: writes the first page of the site, which links its dashboards.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::cli::LandingArgs;
use crate::commands::metric_lines::read_metrics;
use crate::commands::site_files::{read_theme, with_compressed_copies};
use crate::publish::site::{Card, DashboardFolder, MetricReport, Theme, landing, parse_card};
use crate::system::files::{create_folder, write_public_files};
use crate::system::summary::Summary;

/// Maximum size of a `dashboard.json`, in bytes.
const MAX_CARD_SIZE: u64 = 1 << 20;

/// Runs the command. Metric lines are optional: `stdin` is `None` if nothing is piped in.
pub fn run(
    args: &LandingArgs,
    stdin: Option<impl Read + Send>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let theme = read_theme(args.theme.theme.as_deref())?;
    let report = stdin.map(|stdin| read_metrics(stdin, summary)).transpose()?;
    let report = report.filter(|report| !report.metrics.is_empty());
    write(&args.site.site, report.as_ref(), &theme, summary)?;
    Ok(Outcome::Complete)
}

/// Writes the landing page of the dashboards that are in the folder of the site now.
pub(super) fn write(
    site: &Path,
    report: Option<&MetricReport>,
    theme: &Theme,
    summary: &mut Summary,
) -> Result<(), Error> {
    let found = find_dashboards(site, summary)?;
    let page = landing(&found, report, theme)
        .map_err(|error| Error::Bug(format!("cannot build the page: {error}")))?;
    let files = with_compressed_copies(vec![page])?;
    let path = site.join("index.html");
    write_public_files(site, files.iter().map(|file| (&*file.path, &*file.content)))?;
    let count = format_count(found.len() as u64, "dashboard");
    summary.message(format!("wrote {}, which links {count}", display_path(&path)));
    summary.field("dashboards", found.into_iter().map(|found| found.folder).collect::<Vec<_>>());
    Ok(())
}

/// The folders of the site with a dashboard, that is, with a `dashboard.json` or an `index.html`.
fn find_dashboards(site: &Path, summary: &mut Summary) -> Result<Vec<DashboardFolder>, Error> {
    create_folder(site)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(site).map_err(Error::file("read", site))? {
        let path = entry.map_err(Error::file("read", site))?.path();
        let Some(folder) =
            path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'))
        else {
            continue;
        };
        let (card, index) = (path.join("dashboard.json"), path.join("index.html"));
        if !path.is_dir() || !(card.is_file() || index.is_file()) {
            continue;
        }
        let card = match read_card(&card) {
            None => None,
            Some(Ok(card)) => Some(card),
            Some(Err(reason)) => {
                summary.message(format!("{} is linked without its metrics: {reason}", display_path(&path)));
                None
            }
        };
        if card.is_none() && !index.is_file() {
            continue;
        }
        found.push(DashboardFolder { folder: folder.to_owned(), index: index.is_file(), card });
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

fn read_card(path: &Path) -> Option<Result<Card, String>> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    if size > MAX_CARD_SIZE {
        return Some(Err("its dashboard.json is larger than 1 MiB".to_owned()));
    }
    let content = fs::read(path).map_err(|error| format!("cannot read its dashboard.json: {error}"));
    Some(content.and_then(|content| parse_card(&content)))
}
