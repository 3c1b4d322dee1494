//! YAML as a tree in which every value knows its line.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The line, from 1.
    pub line: usize,
    /// What it is.
    pub value: Yaml,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// Nothing.
    Null,
    /// True or false, without quotation marks.
    Flag(bool),
    /// A number without quotation marks, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and their values, in order; no key is there twice.
    Map(Vec<(Node, Node)>),
}

/// Why a text is not read, and in which line that shows.
pub(super) type Fault = (usize, String);

/// Deeper than this nothing is nested that we read.
const DEEPEST: usize = 32;

/// A list or mapping that is not closed yet.
struct Open {
    line: usize,
    is_map: bool,
    items: Vec<Node>,
}

/// The one document in a text.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|fault| (fault.marker().line(), format!("not YAML: {}", fault.info())))?;
        let line = span.start.line();
        let node = match event {
            Event::Alias(_) => return Err((line, "an alias (*); write the value out".to_owned())),
            Event::DocumentStart(_) if document.is_some() => {
                return Err((line, "a second document (---); a file holds one definition".to_owned()));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == DEEPEST {
                    return Err((line, "nested too deeply".to_owned()));
                }
                let is_map = matches!(event, Event::MappingStart(..));
                open.push(Open { line, is_map, items: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::close).transpose()?,
            Event::Scalar(text, style, _, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                Some(Node {
                    line,
                    value: if is_plain { plain(&text) } else { Yaml::Text(text.into_owned()) },
                })
            }
            _ => None,
        };
        let Some(node) = node else { continue };
        match open.last_mut() {
            Some(outer) => outer.items.push(node),
            None => document = Some(node),
        }
    }
    document.ok_or_else(|| (1, "empty".to_owned()))
}

impl Open {
    fn close(self) -> Result<Node, Fault> {
        let Open { line, is_map, items } = self;
        if !is_map {
            return Ok(Node { line, value: Yaml::List(items) });
        }
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if let Some((other, _)) = pairs.iter().find(|(other, _)| other.value == key.value) {
                return Err((key.line, format!("a key that is in line {} already", other.line)));
            }
            pairs.push((key, value));
        }
        Ok(Node { line, value: Yaml::Map(pairs) })
    }
}

/// What a text without quotation marks is. Ruby reads the words of YAML 1.1 as true and false.
fn plain(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Yaml::Flag(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Yaml::Flag(false),
        _ => {}
    }
    let starts = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    match starts && text.parse::<f64>().is_ok() {
        true => Yaml::Number(text.to_owned()),
        false => Yaml::Text(text.to_owned()),
    }
}

impl Node {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Yaml::List(items) => Some(items),
            _ => None,
        }
    }

    /// Keys and values, if it is a mapping.
    pub fn map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Yaml::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        self.value == Yaml::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines_and_types() {
        let document = parse("---\na: '19.3'\nb: 19.3\nc:\n- x\n- true\nd: {e: ~}\n").expect("it is YAML");
        let pairs = document.map().expect("a mapping");
        assert_eq!(pairs[0].1, Node { line: 2, value: Yaml::Text("19.3".into()) });
        assert_eq!(pairs[1].1, Node { line: 3, value: Yaml::Number("19.3".into()) });
        let items = pairs[2].1.list().expect("a list");
        assert_eq!((items[1].line, &items[1].value), (6, &Yaml::Flag(true)));
        assert!(pairs[3].1.map().expect("a mapping")[0].1.is_null());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line) in [
            ("a: 1\na: 2\n", 2),
            ("a: 1\nb: *x\n", 2),
            ("a: [1\n", 2),
            ("a: 1\n---\nb: 2\n", 2),
            ("", 1),
            ("a: 1\n\tb: 2\n", 2),
        ] {
            let (found, what) = parse(text).expect_err(text);
            assert!(found.abs_diff(line) <= 1, "{text:?}: {found} {what}");
        }
        assert!(parse(&"[".repeat(100)).is_err());
        assert!(parse("a: &x [1]\nb: *x").is_err());
    }
}
