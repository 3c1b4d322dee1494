//! `landing`: the first page of the site, which links the dashboards that are there.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::LandingArgs;
use crate::commands::dashboard::{read_figures, read_theme, with_copies};
use crate::publish::site::{Card, Figures, Found, Theme, landing, parse_card};
use crate::system::files::write_files;
use crate::system::summary::Summary;

/// The longest `dashboard.json` that is read, in bytes.
const LONGEST_CARD: u64 = 1 << 20;

/// Runs the command. Metric lines are welcome and not needed: `stdin` is `None` when nobody pipes them in.
pub fn run(
    args: &LandingArgs,
    stdin: Option<impl Read + Send>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let theme = read_theme(args.theme.theme.as_deref())?;
    let figures = stdin.map(|stdin| read_figures(stdin, summary)).transpose()?;
    let figures = figures.filter(|figures| !figures.metrics.is_empty());
    write(&args.site.site, figures.as_ref(), &theme, summary)?;
    Ok(Outcome::Complete)
}

/// Writes the landing page of what is in the site's folder now.
pub fn write(
    site: &Path,
    figures: Option<&Figures>,
    theme: &Theme,
    summary: &mut Summary,
) -> Result<(), Error> {
    let found = find(site, summary)?;
    let page = landing(&found, figures, theme)
        .map_err(|error| Error::Bug(format!("cannot build the page: {error}")))?;
    let files = with_copies(vec![page])?;
    let path = site.join("index.html");
    write_files(files.iter().map(|file| (site.join(&file.path), &*file.content)))?;
    summary.say(format!("wrote {}, which links {}", shown(&path), counted(found.len() as u64, "dashboard")));
    summary.field("dashboards", found.into_iter().map(|found| found.folder).collect::<Vec<_>>());
    Ok(())
}

/// The folders of the site that hold a dashboard: those with a `dashboard.json` or an `index.html`.
fn find(site: &Path, summary: &mut Summary) -> Result<Vec<Found>, Error> {
    fs::create_dir_all(site).map_err(Error::file("make the folder", site))?;
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
            Some(Err(why)) => {
                summary.say(format!("{} is linked without its figures: {why}", shown(&path)));
                None
            }
        };
        if card.is_none() && !index.is_file() {
            continue;
        }
        found.push(Found { folder: folder.to_owned(), index: index.is_file(), card });
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

fn read_card(path: &Path) -> Option<Result<Card, String>> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    if size > LONGEST_CARD {
        return Some(Err("its dashboard.json is longer than 1 MiB".to_owned()));
    }
    let content = fs::read(path).map_err(|error| format!("its dashboard.json cannot be read: {error}"));
    Some(content.and_then(|content| parse_card(&content)))
}
