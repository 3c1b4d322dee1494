//! `dashboard.json`: the summary of a dashboard for the landing page. Other dashboards can provide
//! one, too.

use serde::Serialize;
use serde_json::Value;

use crate::base::calendar::{Day, Timestamp};

use super::number;
use super::text::plain;
use crate::publish::answer::MAX_ACTIONS;
use crate::publish::trust::State;

/// The size in bytes above which a file is rejected.
const MAX_CARD_BYTES: usize = 64 * 1024;
/// The number of metrics shown of a card.
const MAX_HEADLINES: usize = 6;

/// The number of characters shown of a text of an answer.
const MAX_ANSWER_LEN: usize = 600;

/// The summary of a dashboard.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Card {
    /// Its title; empty if it has none.
    pub title: String,
    /// The kind of dashboard, for example `duo-metrics`.
    pub kind: String,
    /// The days it reports; a metric of the headline can cover fewer.
    pub period: Option<CardPeriod>,
    /// When the newest data in it was collected.
    pub generated_at: Option<Timestamp>,
    /// Whether its data is complete.
    pub status: CardStatus,
    /// Its key metrics.
    pub headline: Vec<Headline>,
    /// Whether it is from an earlier run because this one failed.
    pub carried_over: bool,
    /// Whether periods that can still change are published, so that two sites of successive days reveal the day between.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub open_periods: bool,
    /// The answer on its first screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<CardAnswer>,
}

/// The answer of a dashboard, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CardAnswer {
    /// One or two sentences.
    pub verdict: String,
    /// Trend, surprise and impact.
    pub details: String,
    /// What to do, the most urgent first.
    pub actions: Vec<String>,
    /// How complete the data is, in a few words.
    pub data: String,
    /// The days of the verdict.
    pub period: Option<CardPeriod>,
}

/// First and last day of a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CardPeriod {
    /// The first day.
    pub start: Day,
    /// The last day.
    pub end: Day,
}

impl CardPeriod {
    /// The days as text.
    pub(super) fn text(self) -> String {
        number::span(self.start, self.end)
    }
}

/// Whether the data of a dashboard is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CardStatus {
    /// All days were collected.
    Complete,
    /// All requested days were collected, and only some were requested: a sample.
    Sampled,
    /// Some requested data is missing.
    Partial,
    /// There is no data yet.
    Empty,
    /// The dashboard does not report it.
    #[default]
    Unknown,
}

impl CardStatus {
    /// The status of a state.
    pub(super) fn of(state: State) -> CardStatus {
        match state {
            State::Complete => CardStatus::Complete,
            State::Sampled => CardStatus::Sampled,
            State::Partial => CardStatus::Partial,
            State::Empty => CardStatus::Empty,
            State::Imported | State::Unknown => CardStatus::Unknown,
        }
    }
}

/// A metric of a dashboard, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Headline {
    /// Its label.
    pub label: String,
    /// Its value as shown.
    pub value: String,
    /// The denominator, or why there is no value.
    pub note: String,
    /// The days that the value covers.
    pub period: Option<CardPeriod>,
}

/// Reads a `dashboard.json`, of this project or of another. Fields that are missing, too long or of
/// the wrong type are ignored; only a file that is not a JSON object is an error.
pub fn parse_card(json: &[u8]) -> Result<Card, String> {
    if json.len() > MAX_CARD_BYTES {
        return Err(format!(
            "dashboard.json has {} bytes; the landing page reads at most {MAX_CARD_BYTES}",
            json.len()
        ));
    }
    let value: Value =
        serde_json::from_slice(json).map_err(|error| format!("dashboard.json is not JSON: {error}"))?;
    let Value::Object(fields) = &value else { return Err("dashboard.json is not a JSON object".into()) };
    let headlines = fields.get("headline").and_then(Value::as_array).into_iter().flatten();
    Ok(Card {
        title: text_field(&value, "title", 100),
        kind: text_field(&value, "kind", 40),
        period: period(&value),
        generated_at: fields.get("generated_at").and_then(|at| at.as_str()?.parse().ok()),
        status: match fields.get("status").and_then(Value::as_str) {
            Some("complete") => CardStatus::Complete,
            Some("sampled") => CardStatus::Sampled,
            Some("partial") => CardStatus::Partial,
            Some("empty") => CardStatus::Empty,
            _ => CardStatus::Unknown,
        },
        headline: headlines
            .filter(|headline| headline.is_object())
            .take(MAX_HEADLINES)
            .map(|headline| Headline {
                label: text_field(headline, "label", 60),
                value: text_field(headline, "value", 24),
                note: text_field(headline, "note", 80),
                period: period(headline),
            })
            .filter(|headline| !headline.label.is_empty() && !headline.value.is_empty())
            .collect(),
        carried_over: fields.get("carried_over").and_then(Value::as_bool).unwrap_or(false),
        open_periods: fields.get("open_periods").and_then(Value::as_bool).unwrap_or(false),
        answer: fields.get("answer").filter(|answer| answer.is_object()).map(answer),
    })
}

/// The answer of a card.
fn answer(answer: &Value) -> CardAnswer {
    let actions = answer.get("actions").and_then(Value::as_array).into_iter().flatten();
    CardAnswer {
        verdict: text_field(answer, "verdict", MAX_ANSWER_LEN),
        details: text_field(answer, "details", MAX_ANSWER_LEN),
        actions: actions
            .filter_map(|action| Some(plain(action.as_str()?, MAX_ANSWER_LEN)))
            .take(MAX_ACTIONS)
            .collect(),
        data: text_field(answer, "data", 100),
        period: period(answer),
    }
}

impl Card {
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// The first and the last day of a period field.
fn period(object: &Value) -> Option<CardPeriod> {
    let day = |name: &str| object.get("period")?.get(name)?.as_str()?.parse::<Day>().ok();
    let (start, end) = (day("start")?, day("end")?);
    (start <= end).then_some(CardPeriod { start, end })
}

/// A text field; a number is taken as text, as other dashboards may write `"value": 12`.
fn text_field(object: &Value, field: &str, max_len: usize) -> String {
    match object.get(field) {
        Some(Value::String(text)) => plain(text, max_len),
        Some(Value::Number(number)) => plain(&number.to_string(), max_len),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_card_back() {
        let card = Card {
            title: "GitLab Duo".into(),
            kind: "duo-metrics".into(),
            period: Some(CardPeriod {
                start: "2026-10-01".parse().expect("a literal day"),
                end: "2026-10-31".parse().expect("a literal day"),
            }),
            generated_at: "2026-11-01T03:00:00Z".parse().ok(),
            status: CardStatus::Partial,
            headline: vec![Headline {
                label: "Active people".into(),
                value: "214".into(),
                note: "of 300".into(),
                period: Some(CardPeriod {
                    start: "2026-10-04".parse().expect("a literal day"),
                    end: "2026-10-31".parse().expect("a literal day"),
                }),
            }],
            carried_over: false,
            open_periods: true,
            answer: Some(CardAnswer {
                verdict: "Duo is in use: 154 of 178 assigned seats were active.".into(),
                details: "No clear change.".into(),
                actions: vec!["Assign or return 18 seats.".into()],
                data: "28 of 28 days complete".into(),
                period: None,
            }),
        };
        let json = card.to_json().expect("a card is JSON");
        assert_eq!(parse_card(&json), Ok(card));
    }

    #[test]
    fn shortens_and_drops_fields_of_a_hostile_card() {
        let long = "x".repeat(5_000);
        let json = serde_json::json!({
            "title": format!("{long}\u{202e}"),
            "kind": ["not", "text"],
            "period": {"start": "2026-10-31", "end": "2026-10-01"},
            "generated_at": "yesterday",
            "status": "<script>",
            "headline": [7, {"label": "", "value": "1"}, {"label": "Deploys", "value": 12, "extra": {}, "period": {"start": "2026-10-01", "end": 7}}],
            "carried_over": "yes",
            "answer": {"verdict": long, "actions": ["1", 2, "3", "4", "5", "6"], "period": 7},
            "unknown": {"deep": [1, 2, 3]},
        });
        let card = parse_card(json.to_string().as_bytes()).expect("an object");
        assert_eq!(card.title.chars().count(), 101);
        assert_eq!((card.period, card.generated_at, card.status), (None, None, CardStatus::Unknown));
        assert_eq!(card.headline.len(), 1);
        assert_eq!((&*card.headline[0].value, card.headline[0].period), ("12", None));
        assert!(!card.carried_over && card.kind.is_empty());
        let answer = card.answer.expect("an object");
        assert_eq!((answer.verdict.chars().count(), answer.actions.len()), (601, 4));
        assert_eq!((answer.details, answer.period), (String::new(), None));
    }

    #[test]
    fn rejects_anything_but_an_object() {
        assert!(parse_card(b"").is_err());
        assert!(parse_card(b"[1]").is_err());
        assert!(parse_card(&[b'['; 100_000]).is_err());
        assert!(parse_card(b"\xff\xfe{}").is_err());
        assert_eq!(parse_card(b"{}"), Ok(Card::default()));
    }
}
