//! The fields of a rule in a rules file.

use std::ops::RangeInclusive;

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::dimensions::Dimensions;
use crate::base::suggestion::did_you_mean;
use crate::base::yaml::{LineError, Yaml, YamlNode};

/// The fields that were not read yet.
pub(super) struct Fields<'a> {
    /// The line of the rule.
    pub(super) line: usize,
    unread: Vec<(&'a YamlNode, &'a YamlNode)>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping; none if it is null.
    pub(super) fn of(node: &'a YamlNode) -> Result<Fields<'a>, LineError> {
        let pairs = match &node.value {
            Yaml::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Yaml::Null => Vec::new(),
            _ => return Err((node.line, "a rule is a mapping of its fields, or off".to_owned())),
        };
        Ok(Fields { line: node.line, unread: pairs, known: Vec::new() })
    }

    /// No field at all: every default.
    pub(super) fn none() -> Fields<'static> {
        Fields { line: 0, unread: Vec::new(), known: Vec::new() }
    }

    /// Takes a field.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'a YamlNode> {
        self.known.push(name);
        let at = self.unread.iter().position(|(key, _)| key.text() == Some(name))?;
        Some(self.unread.swap_remove(at).1)
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<(usize, &'a str)>, LineError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.text().ok_or_else(|| (node.line, format!("{name} is a text")))?;
        Ok(Some((node.line, text)))
    }

    /// A text or a list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Result<Option<Vec<(usize, &'a str)>>, LineError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let items = node.list().unwrap_or(std::slice::from_ref(node));
        let text = |item: &'a YamlNode| {
            let text = item.text().ok_or_else(|| (item.line, format!("{name} is a text or a list of texts")));
            text.map(|text| (item.line, text))
        };
        let texts: Vec<(usize, &str)> = items.iter().map(text).collect::<Result<_, _>>()?;
        if texts.is_empty() { Err((node.line, format!("{name} is empty"))) } else { Ok(Some(texts)) }
    }

    /// A number.
    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<f64>, LineError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let number = match &node.value {
            Yaml::Number(text) => text.parse::<f64>().ok(),
            // As people write shares.
            Yaml::Text(text) => {
                let percent = text.strip_suffix('%').and_then(|text| text.trim().parse::<f64>().ok());
                percent.map(|percent| percent / 100.0)
            }
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        number
            .map(Some)
            .ok_or_else(|| (node.line, format!("{name} is a number, or a percentage such as 20%")))
    }

    /// A share from 0 to 1.
    pub(super) fn share(&mut self, name: &'static str, default: f64) -> Result<f64, LineError> {
        let line = self.line_of(name);
        match self.number(name)? {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err((line, format!("{name} is a share from 0 to 1, or a percentage up to 100%")))
            }
            share => Ok(share.unwrap_or(default)),
        }
    }

    /// A whole number in a range.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u16>,
    ) -> Result<Option<u16>, LineError> {
        let line = self.line_of(name);
        let wrong = || (line, format!("{name} is a whole number from {} to {}", range.start(), range.end()));
        let Some(number) = self.number(name)? else { return Ok(None) };
        if number.fract() != 0.0 || !(f64::from(*range.start())..=f64::from(*range.end())).contains(&number) {
            return Err(wrong());
        }
        Ok(Some(number as u16))
    }

    /// Whether something is on.
    pub(super) fn switch(&mut self, name: &'static str, default: bool) -> Result<bool, LineError> {
        match self.take(name) {
            None => Ok(default),
            Some(YamlNode { value: Yaml::Bool(on), .. }) => Ok(*on),
            Some(node) => Err((node.line, format!("{name} is true or false"))),
        }
    }

    /// Dimensions and their values.
    pub(super) fn dimensions(&mut self, name: &'static str) -> Result<Dimensions, LineError> {
        let Some(node) = self.take(name) else { return Ok(Dimensions::default()) };
        let wrong = |line| (line, format!("{name} maps a dimension to its value, for example flow: chat"));
        let pairs = node.map().ok_or_else(|| wrong(node.line))?;
        let pair = |(key, value): &'a (YamlNode, YamlNode)| {
            let value = match &value.value {
                Yaml::Text(text) | Yaml::Number(text) => Some(text.as_str()),
                _ => None,
            };
            key.text().zip(value).ok_or_else(|| wrong(key.line))
        };
        pairs.iter().map(pair).collect()
    }

    /// The definition of a metric.
    pub(super) fn definition((line, name): (usize, &str)) -> Result<&'static Definition, LineError> {
        definitions().find(|definition| definition.metric == name).ok_or_else(|| {
            let known = definitions().map(|definition| definition.metric);
            let hint = did_you_mean(name, known, "\"duo-metrics metrics\" lists them");
            (line, format!("unknown metric {name}; {hint}"))
        })
    }

    /// Fails if there are fields that nobody read.
    pub(super) fn finish(self) -> Result<(), LineError> {
        let Some((key, _)) = self.unread.first() else { return Ok(()) };
        let name = key.text().unwrap_or_default();
        let all = format!("the fields of this rule are {}", self.known.join(", "));
        Err((key.line, format!("unknown field {name}; {}", did_you_mean(name, self.known, &all))))
    }

    fn line_of(&self, name: &str) -> usize {
        let found = self.unread.iter().find(|(key, _)| key.text() == Some(name));
        found.map_or(self.line, |(key, _)| key.line)
    }
}

/// Fails unless the metric is split by exactly these dimensions.
pub(super) fn require_split(definition: &Definition, by: &Dimensions, line: usize) -> Result<(), LineError> {
    let pairs: Vec<(&str, &str)> = by.iter().collect();
    if definition.is_split_by(&pairs) {
        return Ok(());
    }
    Err((
        line,
        format!("{} has these dimensions (- is the total): {}", definition.metric, definition.by.join(", ")),
    ))
}
