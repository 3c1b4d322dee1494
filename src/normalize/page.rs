//! A page of nodes, as `fetch` writes it: its origin, and the texts of its nodes.

use std::borrow::Cow;

use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::json::{Fields, Keys, Next, Value};
use crate::model::raw::Raw;
use crate::model::record::{Origin, Row};

/// A page of nodes.
#[derive(Debug, PartialEq)]
pub struct Page<'a> {
    /// The collector.
    pub collector: Cow<'a, str>,
    instance: Cow<'a, str>,
    scope: Cow<'a, str>,
    since: Option<Day>,
    day: Day,
    page: u32,
    fetched_at: Timestamp,
    /// The nodes.
    pub nodes: Nodes<'a>,
}

/// The nodes of a page, not parsed.
#[derive(Debug, PartialEq)]
pub enum Nodes<'a> {
    /// The text between the brackets of the list, not validated.
    List(&'a str),
    /// The text of each node.
    Each(Vec<&'a str>),
}

/// Decodes pages on the fast path.
pub struct PageReader {
    keys: Keys,
}

/// The fields of a page. The first seven and the nodes are required; a line with a `kind` is left
/// to the JSON parser.
const FIELDS: &[&str] =
    &["type", "collector", "instance", "scope", "day", "page", "fetched_at", "since", "nodes", "kind"];

/// The index of `nodes` in [`FIELDS`].
const NODES: usize = 8;

/// One bit for each of the required fields before the nodes.
const REQUIRED: u32 = (1 << 7) - 1;

impl Default for PageReader {
    fn default() -> PageReader {
        PageReader { keys: Keys::new(FIELDS) }
    }
}

impl PageReader {
    /// Decodes a page in canonical form, in which the nodes come last. The nodes are not validated.
    /// `None` means to use the JSON parser.
    pub fn decode_fast<'a>(&mut self, line: &'a str) -> Option<Page<'a>> {
        if !line.starts_with("{\"type\":\"raw\",") {
            return None;
        }
        let mut fields = Fields::new(line, &self.keys);
        let (mut texts, mut page, mut since, mut seen) = ([""; 7], None, None, 0_u32);
        let nodes = loop {
            let number = match fields.next(&mut self.keys)? {
                Next::Key(NODES) => break line.get(fields.position()..)?,
                Next::Key(number) => number,
                Next::Other => {
                    fields.value()?;
                    continue;
                }
                Next::End => return None,
            };
            if seen & (1 << number) != 0 {
                return None;
            }
            seen |= 1 << number;
            match (number, fields.value()?) {
                (5, Value::Count(count)) => page = Some(u32::try_from(count).ok()?),
                (7, Value::Text(text)) => since = Some(text.parse().ok()?),
                (..=6, Value::Text(text)) => texts[number] = text,
                _ => return None,
            }
        };
        if seen & REQUIRED != REQUIRED {
            return None;
        }
        let [_, collector, instance, scope, day, _, fetched_at] = texts;
        Some(Page {
            collector: collector.into(),
            instance: canonical(instance),
            scope: scope.into(),
            since,
            day: day.parse().ok()?,
            page: page?,
            fetched_at: fetched_at.parse().ok()?,
            nodes: Nodes::List(nodes.strip_prefix('[')?.strip_suffix("]}")?),
        })
    }
}

impl<'a> From<Raw<'a>> for Page<'a> {
    fn from(raw: Raw<'a>) -> Page<'a> {
        let Raw { collector, instance, scope, since, day, page, fetched_at, nodes } = raw;
        let nodes = Nodes::Each(nodes.into_iter().map(|node| node.get()).collect());
        let instance = match canonical(&instance) {
            Cow::Borrowed(_) => instance,
            Cow::Owned(address) => address.into(),
        };
        Page { collector, instance, scope, since, day, page, fetched_at, nodes }
    }
}

impl<'a> Page<'a> {
    /// The origin of the record of a node, by the index of the node in the page.
    pub fn origin(&self, index: usize) -> Origin<'a> {
        Origin {
            instance: self.instance.clone(),
            collector: self.collector.clone(),
            scope: self.scope.clone(),
            day: self.day,
            fetched_at: self.fetched_at,
            row: self.row(index),
        }
    }

    /// The GitLab instance.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The row of a node within its fetch, by the index of the node in the page.
    pub fn row(&self, index: usize) -> Row {
        Row { page: self.page, index: u32::try_from(index).unwrap_or(u32::MAX) }
    }

    /// The first requested day.
    pub fn since(&self) -> Day {
        self.since.unwrap_or(self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::Line;

    #[test]
    fn fast_path_reads_the_page_of_the_parser_or_leaves_it_to_the_parser() {
        let fields = [
            ("type", r#""raw""#),
            ("collector", r#""usage_events""#),
            ("instance", r#""https://gitlab.example.com""#),
            ("scope", r#""acme""#),
            ("since", r#""2026-10-01""#),
            ("day", r#""2026-10-05""#),
            ("page", "7"),
            ("fetched_at", r#""2026-10-06T03:00:00Z""#),
            ("of_tomorrow", "true"),
            ("nodes", r#"[{"a":"]\u0026","b":[]},{"a":null}]"#),
        ];
        let values = [
            "",
            "null",
            "7",
            "-7",
            "4294967296",
            r#""x""#,
            r#""\u0065""#,
            r#""2026-10-05""#,
            r#""2026-10-05T25:00:00Z""#,
            "[]",
            r#"[{"a":1}"#,
            "[1 ]",
            r#"[{}] "#,
            "{}",
        ];
        let line = |fields: &[(&str, &str)]| {
            let fields: Vec<String> = fields
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!(r#""{name}":{value}"#))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        let mut fast = 0;
        let mut reader = PageReader::default();
        for place in 0..fields.len() {
            for value in values {
                let mut changed = fields.to_vec();
                changed[place].1 = value;
                let mut doubled = fields.to_vec();
                doubled.insert(place, (fields[place].0, value));
                for line in [line(&changed), line(&doubled), line(&fields)] {
                    let Some(mut page) = reader.decode_fast(&line) else { continue };
                    let Nodes::List(list) = page.nodes else { panic!("a list that was split: {line}") };
                    // Invalid nodes are found when they are read.
                    let list = format!("[{list}]");
                    let Ok(nodes) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&list) else {
                        continue;
                    };
                    page.nodes = Nodes::Each(nodes.into_iter().map(|node| node.get()).collect());
                    let Ok(Line::Raw(raw)) = Line::parse(&line) else { panic!("not a page: {line}") };
                    assert_eq!(page, Page::from(raw), "{line}");
                    fast += 1;
                }
            }
        }
        assert!(fast > 100, "only {fast} pages on the fast path");
        let lines = [
            line(&fields[1..]),
            line(&fields).replace(r#"]\u0026"#, "\t"),
            line(&fields).replace(r#""page":7"#, r#""page": 7"#),
            line(&fields) + " ",
        ];
        for line in &lines[2..] {
            assert_eq!(reader.decode_fast(line), None, "{line}");
        }
        assert_eq!(reader.decode_fast(&lines[0]), None);
    }
}
