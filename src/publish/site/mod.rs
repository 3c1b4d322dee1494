//! The static site: two dashboards and the page that leads to them.
//!
//! Pure: metric and coverage lines go in, finished files come out. Pages ask no other host and work from any folder:
//! figures, style and script are inside. Everything is built from what `privacy` lets through.

mod card;
mod compressed;
mod data;
mod landing;
mod page;
mod quality;
mod script;
mod table;
mod theme;
mod tile;

use crate::aggregate::metrics::definition::Definition;
use crate::model::record::{Coverage, FormerGroup, Metric};
use crate::model::topic::Topic;
use crate::publish::completeness::{self, topic_of};
use crate::publish::export;
use crate::publish::{days, gaps, headline, number, place, privacy, text};

pub use crate::aggregate::aggregator::MetricReport;
pub use card::{Card, CardStatus, Headline, parse_card};
pub use compressed::Encoding;
pub use landing::{DashboardFolder, landing};
pub use theme::{LOGO_FILES, THEME_FILE, Theme};

/// The dashboards of this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dashboard {
    /// Use of GitLab Duo.
    Duo,
    /// Merge requests and pipelines.
    Project,
}

/// What can be set about the pages.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// A number with fewer people behind it than this, but at least one, is hidden.
    pub small_group: u64,
    /// Logo, colours and texts.
    pub theme: &'a Theme,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// Where it belongs, relative to the dashboard's folder.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why a page could not be made; none of these depends on the figures.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template is wrong.
    #[error("cannot make the page: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The numbers could not be written as CSV.
    #[error("cannot write the numbers as CSV: {0}")]
    Csv(#[from] std::io::Error),
    /// The card or the figures could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What may leave of the figures, for one dashboard.
pub struct Published<'a> {
    kind: Dashboard,
    lines: Vec<privacy::Line<'a>>,
    coverage: Vec<&'a Coverage>,
    former: &'a [FormerGroup],
    options: Options<'a>,
}

impl<'a> Published<'a> {
    /// Takes what belongs to the dashboard, and hides what has to be hidden.
    pub fn new(kind: Dashboard, report: &'a MetricReport, options: &Options<'a>) -> Published<'a> {
        // Hiding looks at one family of metrics at a time, and no family is on both dashboards.
        let lines =
            privacy::publish(report.metrics.iter().filter(|metric| kind.owns(metric)), options.small_group);
        let coverage = report.coverage.iter().filter(|line| kind.asks(&line.collector)).collect();
        Published { kind, lines, coverage, former: &report.former, options: *options }
    }

    /// `index.html`, and `dashboard.json`, which the landing page shows. Without lines of its own a dashboard is a page
    /// that says so.
    pub fn page(&self, definitions: &[&Definition]) -> Result<Vec<SiteFile>, Error> {
        let frame = page::Frame::new(self.kind, &self.lines, &self.coverage, self.former, &self.options);
        let tiles = frame.tiles();
        let html = frame.render(&tiles, definitions)?.into_bytes();
        let card = frame.card(&tiles).to_json()?;
        Ok(vec![
            SiteFile { path: "index.html".into(), content: html },
            SiteFile { path: Dashboard::CARD.into(), content: card },
        ])
    }

    /// `metrics.csv`: every number that may leave.
    pub fn table(&self) -> Result<SiteFile, Error> {
        let content = export::table(&self.lines, export::InstanceColumn::IfSeveral)?;
        Ok(SiteFile { path: "metrics.csv".into(), content })
    }
}

impl Dashboard {
    /// Both dashboards, in the order of the landing page.
    pub const ALL: [Dashboard; 2] = [Dashboard::Duo, Dashboard::Project];

    /// The file by which a folder is known as a dashboard.
    pub const CARD: &'static str = "dashboard.json";

    /// The folder of its files on the site.
    pub fn folder(self) -> &'static str {
        match self {
            Dashboard::Duo => "duo-metrics",
            Dashboard::Project => "project-metrics",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Dashboard::Duo => "GitLab Duo: use and adoption",
            Dashboard::Project => "Projects: merge requests and pipelines",
        }
    }

    /// What it is about, in a sentence.
    fn summary(self) -> &'static str {
        match self {
            Dashboard::Duo => {
                "Who uses GitLab Duo, how much, and whether the seats are worth it. People appear only in counts."
            }
            Dashboard::Project => "How much is merged, how long it takes, and how pipelines do.",
        }
    }

    /// The figures at its head.
    fn headline(self) -> &'static [headline::HeadlineMetric<'static>] {
        match self {
            Dashboard::Duo => &headline::DUO,
            Dashboard::Project => &headline::PROJECT,
        }
    }

    fn owns(self, metric: &Metric) -> bool {
        match metric.by.get("collector") {
            Some(collector) => self.asks(collector),
            None => self.shows(&metric.metric),
        }
    }

    fn shows(self, metric: &str) -> bool {
        let of_projects =
            ["merge_requests.", "pipelines.", "dora."].iter().any(|name| metric.starts_with(name));
        metric.starts_with("coverage.") || of_projects == (self == Dashboard::Project)
    }

    fn asks(self, collector: &str) -> bool {
        topic_of(collector) == self.topic()
    }

    /// What it is about.
    pub fn topic(self) -> Topic {
        match self {
            Dashboard::Duo => Topic::Duo,
            Dashboard::Project => Topic::Project,
        }
    }
}

#[cfg(test)]
mod tests;
