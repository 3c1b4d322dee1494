//! The static site: two dashboards and the landing page.
//!
//! Pure: metric and coverage lines go in, files come out. Pages send no requests to other hosts and
//! work from any folder, because they embed their data, style and script. They contain only what
//! `privacy` publishes.

mod answer;
mod card;
mod compressed;
mod data;
mod differences;
mod font;
mod landing;
mod page;
mod quality;
mod script;
mod spark;
mod table;
mod theme;
mod tile;

use crate::aggregate::metrics::definition::Definition;
use crate::aggregate::metrics::reconcile;
use crate::model::coverage::Coverage;
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;
use crate::model::topic::Topic;
use crate::publish::answer::{Answer, AnswerLine, Assumptions, answer_lines};
use crate::publish::completeness::{self, topic_of};
use crate::publish::export;
use crate::publish::{days, gaps, headline, number, place, privacy, text};

use privacy::Disclosure;

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

/// Options of the pages.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Values with fewer people than this, but at least one, are suppressed.
    pub small_group: u64,
    /// Whether periods that can still change are published.
    pub open_periods: bool,
    /// Logo, colors and texts.
    pub theme: &'a Theme,
    /// Price and target of the seats.
    pub assumptions: &'a Assumptions,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// Its path, relative to the folder of the dashboard.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why a page could not be rendered; none of these depends on the data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template is invalid.
    #[error("cannot render the page: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The metrics could not be written as CSV.
    #[error("cannot write the metrics as CSV: {0}")]
    Csv(#[from] std::io::Error),
    /// The card or the data could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The publishable data of one dashboard.
pub struct Published<'a> {
    kind: Dashboard,
    lines: Vec<privacy::Line<'a>>,
    coverage: Vec<&'a Coverage>,
    former: &'a [FormerGroup],
    loss: Option<HistoryLoss>,
    /// Whether events differ from GitLab's own counts without a known reason: then `aggregate` ends
    /// as incomplete, and so is the page.
    differs: bool,
    options: Options<'a>,
}

impl<'a> Published<'a> {
    /// The publishable lines of all dashboards: values of one can reveal those of another.
    pub fn lines(report: &'a MetricReport, options: &Options<'a>) -> Vec<privacy::Line<'a>> {
        let disclosure = Disclosure { min_people: options.small_group, open_periods: options.open_periods };
        privacy::publish(&report.metrics, disclosure)
    }

    /// Selects the lines of the dashboard from [`Published::lines`].
    pub fn new(
        kind: Dashboard,
        lines: &[privacy::Line<'a>],
        report: &'a MetricReport,
        options: &Options<'a>,
    ) -> Published<'a> {
        let lines = lines.iter().filter(|line| kind.owns(line)).cloned().collect();
        let coverage = report.coverage.iter().filter(|line| kind.asks(&line.collector)).collect();
        let differs = kind == Dashboard::Duo && report.metrics.iter().any(reconcile::is_unexplained);
        let (former, loss) = (report.former.as_slice(), report.loss);
        Published { kind, lines, coverage, former, loss, differs, options: *options }
    }

    /// `index.html`, and `dashboard.json` for the landing page. Without lines, the page states that
    /// there is no data yet.
    pub fn page(&self, definitions: &[&Definition]) -> Result<Vec<SiteFile>, Error> {
        let frame = page::Frame::new(self);
        let tiles = frame.tiles();
        let html = frame.render(&tiles, definitions)?.into_bytes();
        let card = frame.card(&tiles).to_json()?;
        Ok(vec![
            SiteFile { path: "index.html".into(), content: html },
            SiteFile { path: Dashboard::CARD.into(), content: card },
        ])
    }

    /// The `answer.*` lines of the dashboard.
    fn answer_lines(&self) -> Vec<AnswerLine> {
        match self.kind {
            Dashboard::Duo => answer_lines(&place::Place::all(&self.lines), self.options.small_group),
            Dashboard::Project => Vec::new(),
        }
    }

    /// `metrics.csv`: every published line.
    pub fn table(&self) -> Result<SiteFile, Error> {
        let answers = self.answer_lines();
        let lines = answers.iter().map(AnswerLine::line).collect::<Vec<_>>();
        let all = || lines.iter().chain(&self.lines);
        let content = export::table(all, export::InstanceColumn::IfSeveral)?;
        Ok(SiteFile { path: "metrics.csv".into(), content })
    }
}

impl Dashboard {
    /// Both dashboards, in the order of the landing page.
    pub const ALL: [Dashboard; 2] = [Dashboard::Duo, Dashboard::Project];

    /// The file that marks a folder as a dashboard.
    pub const CARD: &'static str = "dashboard.json";

    /// Its folder on the site.
    pub fn folder(self) -> &'static str {
        match self {
            Dashboard::Duo => "duo-metrics",
            Dashboard::Project => "project-metrics",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Dashboard::Duo => "GitLab Duo: usage and adoption",
            Dashboard::Project => "Projects: merge requests and pipelines",
        }
    }

    /// Its subject in a sentence.
    fn summary(self) -> &'static str {
        match self {
            Dashboard::Duo => {
                "Who uses GitLab Duo, how much, and whether the seats are used. People appear only in counts."
            }
            Dashboard::Project => "How much is merged, how long it takes, and whether pipelines succeed.",
        }
    }

    /// The candidates for its tiles, in order of preference.
    fn tiles(self) -> &'static [headline::HeadlineMetric<'static>] {
        match self {
            Dashboard::Duo => &headline::DUO_TILES,
            Dashboard::Project => &headline::PROJECT,
        }
    }

    /// The answer in a place.
    fn answer(self, place: &place::Place<'_>, options: &Options<'_>) -> Answer {
        match self {
            Dashboard::Duo => Answer::duo(place, options.assumptions, options.small_group),
            Dashboard::Project => Answer::projects(place),
        }
    }

    /// Its key metrics.
    fn headline(self) -> &'static [headline::HeadlineMetric<'static>] {
        match self {
            Dashboard::Duo => &headline::DUO,
            Dashboard::Project => &headline::PROJECT,
        }
    }

    fn owns(self, line: &privacy::Line<'_>) -> bool {
        match line.by.get("collector") {
            Some(collector) => self.asks(collector),
            None => self.shows(line.metric),
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

    /// Its topic.
    pub fn topic(self) -> Topic {
        match self {
            Dashboard::Duo => Topic::Duo,
            Dashboard::Project => Topic::Project,
        }
    }
}

#[cfg(test)]
mod tests;
