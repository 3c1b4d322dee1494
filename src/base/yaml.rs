//! A YAML parser whose tree contains the line of every value.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// A value with its line.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlNode {
    /// The line, from 1.
    pub line: usize,
    /// The value.
    pub value: Yaml,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// Null, or an empty value.
    Null,
    /// An unquoted boolean.
    Bool(bool),
    /// An unquoted number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<YamlNode>),
    /// Keys and values, in file order. Keys are unique.
    Map(Vec<(YamlNode, YamlNode)>),
}

/// A line, from 1, and what is wrong there.
pub type LineError = (usize, String);

/// The nesting that definitions never reach. It bounds the work for hostile input.
const MAX_DEPTH: usize = 32;

/// A sequence or mapping whose end was not read yet.
struct OpenCollection {
    line: usize,
    is_map: bool,
    items: Vec<YamlNode>,
}

/// Parses a text that contains exactly one document.
pub fn parse(text: &str) -> Result<YamlNode, LineError> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<OpenCollection> = Vec::new();
    let mut document = None;
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| (error.marker().line(), format!("invalid YAML: {}", error.info())))?;
        let line = span.start.line();
        let node = match event {
            Event::Alias(_) => {
                return Err((line, "aliases (*) are not supported; repeat the value".to_owned()));
            }
            Event::DocumentStart(_) if document.is_some() => {
                return Err((line, "a second document (---); a file contains one definition".to_owned()));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    return Err((line, "nested more than 32 levels deep".to_owned()));
                }
                let is_map = matches!(event, Event::MappingStart(..));
                open.push(OpenCollection { line, is_map, items: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(OpenCollection::close).transpose()?,
            Event::Scalar(text, style, _, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                Some(YamlNode {
                    line,
                    value: if is_plain { parse_plain(&text) } else { Yaml::Text(text.into_owned()) },
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

impl OpenCollection {
    fn close(self) -> Result<YamlNode, LineError> {
        let OpenCollection { line, is_map, items } = self;
        if !is_map {
            return Ok(YamlNode { line, value: Yaml::List(items) });
        }
        let mut pairs: Vec<(YamlNode, YamlNode)> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if let Some(other) = lines.insert(format!("{:?}", key.value), key.line) {
                return Err((key.line, format!("duplicate key; the first one is in line {other}")));
            }
            pairs.push((key, value));
        }
        Ok(YamlNode { line, value: Yaml::Map(pairs) })
    }
}

/// The value of an unquoted scalar. GitLab reads definitions with Ruby, which follows YAML 1.1:
/// `yes` and `on` are booleans.
fn parse_plain(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Yaml::Bool(false),
        _ => {}
    }
    let is_numeric = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    if is_numeric && text.parse::<f64>().is_ok() {
        Yaml::Number(text.to_owned())
    } else {
        Yaml::Text(text.to_owned())
    }
}

impl YamlNode {
    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a sequence.
    pub fn list(&self) -> Option<&[YamlNode]> {
        match &self.value {
            Yaml::List(items) => Some(items),
            _ => None,
        }
    }

    /// Keys and values, if it is a mapping.
    pub fn map(&self) -> Option<&[(YamlNode, YamlNode)]> {
        match &self.value {
            Yaml::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.value == Yaml::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_lines_and_types() {
        let document = parse("---\na: '19.3'\nb: 19.3\nc:\n- x\n- true\nd: {e: ~}\n").expect("it is YAML");
        let pairs = document.map().expect("a mapping");
        assert_eq!(pairs[0].1, YamlNode { line: 2, value: Yaml::Text("19.3".into()) });
        assert_eq!(pairs[1].1, YamlNode { line: 3, value: Yaml::Number("19.3".into()) });
        let items = pairs[2].1.list().expect("a list");
        assert_eq!((items[1].line, &items[1].value), (6, &Yaml::Bool(true)));
        assert!(pairs[3].1.map().expect("a mapping")[0].1.is_null());
    }

    #[test]
    fn errors_contain_the_line() {
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
