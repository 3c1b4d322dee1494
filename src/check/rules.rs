//! The rules: built-in ones, and those of a rules file.

use std::collections::BTreeSet;

use super::context::Scopes;
use super::fields::Fields;
use super::kinds::{KINDS, Kind, Test};
use crate::base::calendar::Day;
use crate::base::severity::Severity;
use crate::base::suggestion::did_you_mean;
use crate::base::yaml::{LineError, Yaml, YamlNode, parse};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name: that of its kind, or one from the rules file.
    pub name: String,
    /// Its kind.
    pub kind: &'static Kind,
    /// How serious its findings are.
    pub severity: Severity,
    /// Its line in the rules file; 0 if it is not there.
    pub line: usize,
    pub(super) scopes: Scopes,
    pub(super) test: Box<dyn Test>,
}

/// All rules.
#[derive(Debug)]
pub struct RuleSet {
    /// The rules, built-in ones first.
    pub rules: Vec<Rule>,
    /// Days that are not compared with others.
    pub(super) holidays: BTreeSet<Day>,
}

/// The scope that stands for every group.
const EVERY: &str = "**";

/// The fields of a rules file.
const SECTIONS: [&str; 2] = ["rules", "holidays"];

impl RuleSet {
    /// The rules of a file and the built-in ones that it does not mention. The error is the line and
    /// what is wrong there.
    pub fn parse(text: &str) -> Result<RuleSet, LineError> {
        let document = parse(text)?;
        let mut set = RuleSet::default();
        let sections = match &document.value {
            Yaml::Map(pairs) => pairs.as_slice(),
            Yaml::Null => &[],
            _ => return Err((document.line, format!("a rules file has the fields {}", SECTIONS.join(", ")))),
        };
        for (key, value) in sections {
            match key.text() {
                Some("rules") => set.read_rules(value)?,
                Some("holidays") => set.holidays = days(value)?,
                name => {
                    let all = format!("the fields of the file are {}", SECTIONS.join(", "));
                    let hint = did_you_mean(name.unwrap_or_default(), SECTIONS, &all);
                    return Err((key.line, format!("unknown field; {hint}")));
                }
            }
        }
        Ok(set)
    }

    fn read_rules(&mut self, node: &YamlNode) -> Result<(), LineError> {
        let pairs = match &node.value {
            Yaml::Map(pairs) => pairs.as_slice(),
            Yaml::Null => &[],
            _ => return Err((node.line, "rules maps the name of a rule to its fields".to_owned())),
        };
        for (key, value) in pairs {
            let name = key.text().filter(|name| is_name(name)).ok_or_else(|| {
                let allowed = "letters, digits, underscores and hyphens, at most 64 of them";
                (key.line, format!("the name of a rule consists of {allowed}"))
            })?;
            self.rules.retain(|rule| rule.name != name);
            // Unquoted, off is a boolean.
            if value.value == Yaml::Bool(false) || value.text() == Some("off") {
                if kind_of(name).is_none() {
                    return Err((key.line, unknown_kind(name)));
                }
                continue;
            }
            self.rules.push(Rule::read(name, key.line, Fields::of(value)?)?);
        }
        Ok(())
    }
}

impl Default for RuleSet {
    /// The built-in rules.
    fn default() -> RuleSet {
        let builtin = KINDS.iter().filter(|kind| kind.is_builtin);
        let rule = |kind: &&'static Kind| {
            Rule::read(kind.name, 0, Fields::none()).expect("a test reads every built-in rule")
        };
        RuleSet { rules: builtin.map(|kind| rule(&kind)).collect(), holidays: BTreeSet::new() }
    }
}

impl Rule {
    fn read(name: &str, line: usize, mut fields: Fields<'_>) -> Result<Rule, LineError> {
        let kind = match fields.text("kind")? {
            Some((line, kind)) => kind_of(kind).ok_or_else(|| (line, unknown_kind(kind)))?,
            None => kind_of(name).ok_or_else(|| (line, unknown_kind(name)))?,
        };
        if kind_of(name).is_some_and(|own| own.name != kind.name) {
            return Err((
                line,
                format!("{name} is a kind itself; choose another name for a rule of kind {}", kind.name),
            ));
        }
        let severity = match fields.text("severity")? {
            Some((line, text)) => {
                let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
                found.ok_or_else(|| (line, "severity is error, warning or info".to_owned()))?
            }
            None => kind.severity,
        };
        let scopes = match fields.texts("scope")? {
            Some(names) if names.iter().any(|(_, name)| *name == EVERY) => Scopes::Every,
            Some(names) => Scopes::Listed(names.into_iter().map(|(_, name)| name.to_owned()).collect()),
            None => Scopes::Main,
        };
        let test = (kind.read)(&mut fields)?;
        fields.finish()?;
        Ok(Rule { name: name.to_owned(), kind, severity, line, scopes, test })
    }
}

fn kind_of(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn unknown_kind(name: &str) -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let all = format!("add kind: to a rule of your own; the kinds are {}", kinds.join(", "));
    format!("unknown rule {name}; {}", did_you_mean(name, kinds, &all))
}

/// Names are part of reports.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

fn days(node: &YamlNode) -> Result<BTreeSet<Day>, LineError> {
    let items = node.list().ok_or_else(|| (node.line, "holidays is a list of days".to_owned()))?;
    let day = |item: &YamlNode| {
        let day = item.text().and_then(|text| text.parse().ok());
        day.ok_or_else(|| (item.line, "a holiday is a day such as 2026-12-25".to_owned()))
    };
    items.iter().map(day).collect()
}
