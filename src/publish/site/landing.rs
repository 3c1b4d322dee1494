//! The landing page of the site: a card for each dashboard, including those of other projects.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use crate::base::text::percent_encode;
use crate::model::scope::ALL_SCOPES;

use super::card::{Card, CardPeriod};
use super::number;
use super::page;
use super::place;
use super::text::plain;
use super::theme::Theme;
use super::{Error, MetricReport, SiteFile};

/// A dashboard found on the site.
#[derive(Clone, Debug, Default)]
pub struct DashboardFolder {
    /// Its folder, one level below the landing page.
    pub folder: String,
    /// Whether it has an `index.html`.
    pub index: bool,
    /// Its `dashboard.json`, read with [`super::parse_card`]; `None` if it has none or it cannot be
    /// read.
    pub card: Option<Card>,
}

/// The landing page. `figures` add the groups and days that the site covers.
pub fn landing(
    found: &[DashboardFolder],
    report: Option<&MetricReport>,
    theme: &Theme,
) -> Result<SiteFile, Error> {
    let mut cards: Vec<&DashboardFolder> =
        found.iter().filter(|found| found.index || found.card.is_some()).collect();
    cards.sort_by_key(|found| (rank(found), found.folder.clone()));
    let cards: Vec<Value> = cards.into_iter().map(card).collect();

    let metrics = report.map_or(&[][..], |report| &report.metrics);
    let mut scopes: BTreeSet<&str> = metrics.iter().map(|metric| &*metric.scope).collect();
    if scopes.len() > 1 {
        scopes.remove(ALL_SCOPES);
    }
    let groups: Vec<String> = scopes.into_iter().map(place::scope_name).collect();
    let period = place::reported_days(metrics.iter().map(|metric| (&*metric.metric, metric.period())))
        .map(|(first, last)| number::span(first, last));
    let html = page::render(
        "landing.html",
        &[],
        theme,
        "",
        context! {
            title => theme.title("landing", "Dashboards"),
            summary => theme.summary("landing", ""),
            cards => cards,
            groups => groups,
            period => period.unwrap_or_default(),
        },
    )?;
    Ok(SiteFile { path: "index.html".into(), content: html.into_bytes() })
}

/// The dashboards of this project come first, in their order; others follow by folder.
fn rank(found: &DashboardFolder) -> usize {
    let own = super::Dashboard::ALL;
    own.iter().position(|kind| kind.folder() == found.folder).unwrap_or(own.len())
}

fn card(found: &DashboardFolder) -> Value {
    let card = found.card.clone().unwrap_or_default();
    let folder = percent_encode(&found.folder, "");
    let file = if found.index { "index.html" } else { "dashboard.json" };
    let title = if card.title.is_empty() { plain(&found.folder, 100) } else { card.title };
    let headline: Vec<Value> = card
        .headline
        .iter()
        .map(|figure| {
            let period = figure.period.map_or_else(String::new, CardPeriod::text);
            context! { label => &*figure.label, value => &*figure.value, note => &*figure.note, period => period }
        })
        .collect();
    context! {
        // `./` prevents a folder name from being parsed as a URL scheme; the rest is
        // percent-encoded.
        href => Value::from_safe_string(format!("./{folder}/{file}")),
        title => title,
        folder => plain(&found.folder, 100),
        described => found.card.is_some(),
        page => found.index,
        status => page::status_word(card.status),
        period => card.period.map_or_else(String::new, CardPeriod::text),
        collected => card.generated_at.map_or_else(String::new, number::instant),
        carried_over => card.carried_over,
        headline => headline,
        answer => card.answer.as_ref().map(|answer| {
            context! {
                verdict => &*answer.verdict,
                details => &*answer.details,
                actions => &answer.actions,
                data => &*answer.data,
                period => answer.period.map_or_else(String::new, CardPeriod::text),
            }
        }),
    }
}
