//! The parts that all pages share: layout, content security policy and style.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use crate::aggregate::metrics::definition::{Definition, Unit};
use crate::base::calendar::{Day, Grain, Timestamp};
use crate::model::coverage::Coverage;
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;

use super::answer;
use super::card::{Card, CardAnswer, CardPeriod, CardStatus};
use super::completeness::Completeness;
use super::data;
use super::font;
use super::gaps;
use super::number;
use super::place::{Place, reported_days};
use super::quality;
use super::script::{self, Module};
use super::theme::Theme;
use super::tile::Tile;
use super::{Dashboard, Error, Options, Published};
use crate::publish::answer::Answer;
use crate::publish::trust::{Evidence, Trust};

const STYLE: &str = include_str!("../../../templates/html/style.css");

const ANSWER_STYLE: &str = include_str!("../../../templates/html/answer.css");

const TEMPLATES: [(&str, &str); 7] = [
    ("answer.html", include_str!("../../../templates/html/answer.html")),
    ("layout.html", include_str!("../../../templates/html/layout.html")),
    ("dashboard.html", include_str!("../../../templates/html/dashboard.html")),
    ("parts.html", include_str!("../../../templates/html/parts.html")),
    ("duo.html", include_str!("../../../templates/html/duo.html")),
    ("project.html", include_str!("../../../templates/html/project.html")),
    ("landing.html", include_str!("../../../templates/html/landing.html")),
];

/// The content of a dashboard.
pub(super) struct Frame<'a> {
    /// Which dashboard.
    pub(super) kind: Dashboard,
    /// The places, the main one first; empty without lines.
    pub(super) places: Vec<Place<'a>>,
    /// The first and the last reported day.
    pub(super) days: Option<(Day, Day)>,
    /// The coverage lines of this dashboard.
    pub(super) coverage: Vec<&'a Coverage>,
    /// How complete the data is.
    pub(super) completeness: Completeness<'a>,
    /// Groups that are no longer collected.
    pub(super) former: &'a [FormerGroup],
    /// The last time that the stored history was lost.
    pub(super) loss: Option<HistoryLoss>,
    status: CardStatus,
    /// The number of people below which values are suppressed.
    pub(super) small_group: u64,
    options: Options<'a>,
    answer: Option<Answer>,
    trust: Trust,
}

impl<'a> Frame<'a> {
    /// The frame of a dashboard around its published lines.
    pub(super) fn new(published: &'a Published<'a>) -> Frame<'a> {
        let Published { kind, lines, coverage, former, loss, differs, options } = published;
        let days = reported_days(lines.iter().map(|line| (line.metric, line.period)));
        let coverage = gaps::best(coverage);
        let completeness = Completeness::of(kind.topic(), coverage.iter().copied());
        let evidence =
            Evidence { lines, coverage: &coverage, completeness: &completeness, days, differs: *differs };
        let trust = Trust::of(&evidence, options.small_group);
        let places = Place::all(lines);
        let answer = places.first().map(|place| kind.answer(place, options));
        Frame {
            kind: *kind,
            places,
            days,
            coverage,
            completeness,
            former,
            loss: *loss,
            status: CardStatus::of(trust.state),
            small_group: options.small_group,
            options: *options,
            answer,
            trust,
        }
    }

    /// The main place: the union of all groups, or the only one.
    pub(super) fn main(&self) -> Option<&Place<'a>> {
        self.places.first()
    }

    /// The groups without their union, if there are several.
    pub(super) fn groups(&self) -> &[Place<'a>] {
        match self.places.as_slice() {
            [first, rest @ ..] if first.is_union() => rest,
            [_] => &[],
            several => several,
        }
    }

    /// The tiles of the last 28 days (else month, else week).
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let Some(place) = self.main() else { return Vec::new() };
        Tile::all(self.kind.tiles(), place)
    }

    /// When the newest data was collected.
    fn collected_at(&self) -> Option<Timestamp> {
        self.coverage.iter().filter_map(|line| line.fetched_at).max()
    }

    /// The card of this dashboard on the landing page.
    pub(super) fn card(&self, tiles: &[Tile]) -> Card {
        Card {
            title: self.options.theme.title(self.kind.folder(), self.kind.title()),
            kind: self.kind.folder().into(),
            period: self.days.map(|(start, end)| CardPeriod { start, end }),
            generated_at: self.collected_at(),
            status: self.status,
            headline: match self.status {
                CardStatus::Empty => Vec::new(),
                _ => tiles.iter().map(Tile::headline).collect(),
            },
            carried_over: false,
            open_periods: self.options.open_periods,
            answer: self.answer.as_ref().filter(|_| self.status != CardStatus::Empty).map(|found| {
                CardAnswer {
                    verdict: found.verdict_text(),
                    details: found.details_text(),
                    actions: found.actions.iter().map(|action| action.sentence.text()).collect(),
                    data: self.trust.summary.clone(),
                    period: found.period.map(|period| CardPeriod { start: period.start, end: period.end }),
                }
            }),
        }
    }

    /// The page. Its script renders the sections from the data in the page. Without JavaScript, the
    /// tiles, data quality and definitions are still there.
    pub(super) fn render(&self, tiles: &[Tile], definitions: &[&Definition]) -> Result<String, Error> {
        let (template, script) = match self.kind {
            Dashboard::Duo => ("duo.html", script::DUO),
            Dashboard::Project => ("project.html", script::PROJECT),
        };
        let definitions: Vec<&Definition> =
            definitions.iter().copied().filter(|definition| self.kind.shows(definition.metric)).collect();
        let no_seats = quality::reason_without_data(&self.coverage, "seats").unwrap_or_default();
        let figures = data::json(self, &definitions, no_seats)?;
        let groups: Vec<String> = match self.groups() {
            [] => self.main().map(Place::name).into_iter().collect(),
            groups => groups.iter().map(Place::name).collect(),
        };
        let period = self.days.map_or_else(String::new, |(first, last)| number::span(first, last));
        let common = Tile::common_notes(tiles);
        let tiles = Tile::values(tiles);
        let days = self
            .days
            .map(|(first, last)| number::counted(last.days_since(first).max(0) as u64 + 1, "day", "days"));
        let frame = context! {
            title => self.options.theme.title(self.kind.folder(), self.kind.title()),
            summary => self.options.theme.summary(self.kind.folder(), self.kind.summary()),
            empty => self.status == CardStatus::Empty,
            groups => &groups,
            union => self.main().is_some_and(Place::is_union),
            period => &*period,
            days => days.unwrap_or_default(),
            collected => self.collected_at().map_or_else(String::new, number::instant),
            status => status_word(self.status),
            small_group => number::count(self.small_group),
            open_periods => self.options.open_periods,
            tiles => tiles,
            answer => self.answer.as_ref().map(|found| {
                answer::value(found, &self.trust, &groups.join(", "), self.options.assumptions)
            }),
            trust => answer::trust_value(&self.trust),
            warning => common.warning,
            not_compared => common.change,
            quality => quality::value(self),
            raw_events => self.kind == Dashboard::Duo,
            definitions => definitions.iter().map(|definition| describe(definition)).collect::<Vec<Value>>(),
            figures => Value::from_safe_string(figures),
        };
        let title = self.options.theme.title(self.kind.folder(), self.kind.title());
        render(template, script, self.options.theme, &print_header(&title, &period), frame)
    }
}

fn describe(definition: &Definition) -> Value {
    let grains: Vec<&str> = definition.grains.iter().map(|grain| grain_word(*grain)).collect();
    let by: Vec<String> = definition.by.iter().map(|by| by.replace('×', " × ")).collect();
    context! {
        metric => definition.metric,
        title => definition.title,
        unit => unit(definition.unit),
        text => definition.text,
        grains => grains.join(", "),
        by => by.join(", "),
    }
}

/// Renders a template with the style, the script and a policy that allows only these two and
/// the embedded font. `print_header` is the rule of [`print_header`].
pub(super) fn render(
    template: &str,
    script: &[Module],
    theme: &Theme,
    print_header: &str,
    content: Value,
) -> Result<String, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    // Comments are for those who work on the style, not for those who load the page.
    let style = font::faces() + &minify(STYLE) + &minify(ANSWER_STYLE) + theme.style() + print_header;
    let script = script::bundle(script);
    let allowed = |text: &str| {
        if text.is_empty() {
            "'none'".to_owned()
        } else {
            format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
        }
    };
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; font-src data:; img-src data:; base-uri 'none'; form-action 'none'",
        allowed(&script),
        allowed(&style)
    );
    let shell = context! {
        style => Value::from_safe_string(style),
        script => Value::from_safe_string(script),
        policy => Value::from_safe_string(policy),
        company => theme.name(),
        logo => theme.logo(),
        footer => theme.footer(),
    };
    Ok(environment.get_template(template)?.render(context! { ..content, ..shell })?)
}

/// The rule of the running header of printed pages: what they are about, and their number.
fn print_header(title: &str, period: &str) -> String {
    let text = format!("{title} · {period}");
    // In a CSS string, and inside a style element.
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' | '<' | '\n' | '\r' | '\u{c}' => format!("\\{:x} ", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("@page{{@top-left{{content:\"{escaped}\"}}}}\n")
}

/// The name of a status.
pub(super) fn status_word(status: CardStatus) -> &'static str {
    match status {
        CardStatus::Complete => "complete",
        CardStatus::Sampled => "sampled",
        CardStatus::Partial => "partial",
        CardStatus::Empty => "empty",
        CardStatus::Unknown => "unknown",
    }
}

/// The style sheet without comments and indentation.
fn minify(style: &str) -> String {
    let mut rest = style;
    let mut bare = String::with_capacity(style.len());
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let mut minified = String::with_capacity(bare.len());
    for line in bare.lines().map(str::trim).filter(|line| !line.is_empty()) {
        minified.push_str(line);
        minified.push('\n');
    }
    minified
}

/// Standard base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]);
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

fn grain_word(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Window => "28 days",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Share(_) => "share, n of N",
        unit => unit.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_standard_base64() {
        let text = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(text, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn a_title_cannot_end_the_print_header() {
        let rule = print_header("a \"b\" \\ </style>", "1 May");
        assert_eq!(rule, "@page{@top-left{content:\"a \\22 b\\22  \\5c  \\3c /style> · 1 May\"}}\n");
    }

    #[test]
    fn the_style_loads_nothing_and_cannot_end_its_element() {
        let style = minify(STYLE);
        assert!(!style.contains("url(http") && !style.contains("@import") && !style.contains('<'));
        assert!(!style.contains("/*"));
    }
}
