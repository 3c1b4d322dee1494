//! `fetch`: run the chosen collectors over groups and days, and say what became of each.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;

use crate::calendar::{Day, Timestamp};
use crate::cli::{CollectArgs, FetchArgs};
use crate::collectors::{Answer, COLLECTORS, Collector, Fault, Sink, Span, Unit, by_name};
use crate::error::{Error, Outcome};
use crate::gitlab::{Client, Patience, preflight};
use crate::output::NewFile;
use crate::record::{Coverage, Origin, Raw, Row, Status};
use crate::settings::{Environment, Instance, Switches};
use crate::stream::LineWriter;
use crate::summary::Summary;
use crate::wording::counted;

/// What is to be collected, and from where.
pub struct Plan {
    client: Client,
    instance: Instance,
    groups: Vec<String>,
    collectors: Vec<&'static dyn Collector>,
    /// Whether the user named the collectors: then what is refused is a gap, else only a fact.
    named: bool,
    since: Day,
    until: Day,
    today: Day,
    output_dir: Option<std::path::PathBuf>,
}

/// Where lines go: standard output, a file a collector, or both.
pub struct Output<W> {
    /// Standard output, or the next filter.
    pub stream: Option<LineWriter<W>>,
    files: BTreeMap<&'static str, LineWriter<NewFile>>,
}

/// Runs the command.
pub fn run(
    args: &FetchArgs,
    environment: &Environment,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?;
    let plan = Plan::new(&args.collect, switches, environment)?;
    if args.quiet_stdout && plan.output_dir.is_none() {
        return Err(Error::Usage(
            "--quiet-stdout leaves the lines nowhere to go; give --output-dir too".to_owned(),
        ));
    }
    fetch(&plan, (!args.quiet_stdout).then_some(stdout), summary)
}

impl Plan {
    /// Reads all settings. Nothing is asked of GitLab yet.
    pub fn new(args: &CollectArgs, switches: Switches, environment: &Environment) -> Result<Plan, Error> {
        let (collectors, named) = collectors(args, switches, environment)?;
        let groups = environment.groups(&args.groups)?;
        let (now, is_set) = environment.now()?;
        let (since, until) = environment.range(args.since, args.until, now)?;
        let instance = environment.instance(args.url.as_deref(), args.allow_http)?;
        let token = environment.token()?;
        let patience = Patience {
            timeout: Duration::from_secs_f64(args.timeout),
            retries: args.retries,
            wait: Duration::from_secs_f64(args.retry_wait),
        };
        let client = Client::new(&instance, token, patience, args.ca_file.as_deref(), is_set.then_some(now))?;
        let output_dir =
            args.output_dir.clone().or_else(|| environment.get("DUO_METRICS_OUTPUT_DIR").map(Into::into));
        Ok(Plan { client, instance, groups, collectors, named, since, until, today: now.day(), output_dir })
    }
}

/// Collects everything planned. When it fails before the first answer, nothing was written.
pub fn fetch<W: Write>(plan: &Plan, stream: Option<W>, summary: &mut Summary) -> Result<Outcome, Error> {
    preflight(&plan.client, &plan.groups).map_err(fatal)?;
    let mut output = Output::new(plan, stream)?;
    let mut coverage = Vec::new();
    let mut stopped: Option<Fault> = None;
    for scope in &plan.groups {
        for collector in &plan.collectors {
            for unit in units(plan, *collector, scope) {
                let mut walk = Walk::new(plan, *collector, unit, &mut output);
                let result = match &stopped {
                    None => collector.collect(&plan.client, &unit, &mut walk),
                    Some(fault) => Err(fault.again()),
                };
                if let Err(Fault::Sink(error)) = result {
                    return Err(error);
                }
                let fault = result.err();
                let lines = walk.close(fault.as_ref());
                for line in &lines {
                    output.write(collector.name(), line)?;
                }
                coverage.extend(lines);
                stopped = stopped.or(fault.filter(Fault::stops_everything));
            }
        }
    }
    output.close()?;
    conclude(plan, &coverage, stopped, summary)
}

fn collectors(
    args: &CollectArgs,
    switches: Switches,
    environment: &Environment,
) -> Result<(Vec<&'static dyn Collector>, bool), Error> {
    let said = match args.collectors.as_slice() {
        [] => environment
            .get("DUO_METRICS_COLLECTORS")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        names => names.to_vec(),
    };
    let names: Vec<String> = said.into_iter().filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        let switches = switches.check()?;
        return Ok((
            COLLECTORS.iter().copied().filter(|collector| switches.is_on(collector.topic())).collect(),
            false,
        ));
    }
    let mut chosen: Vec<&'static dyn Collector> = Vec::new();
    for name in names {
        let collector = by_name(&name).ok_or_else(|| {
            let known: Vec<&str> = COLLECTORS.iter().map(|collector| collector.name()).collect();
            Error::Usage(format!("there is no collector {name:?}; there are {}", known.join(", ")))
        })?;
        if !chosen.iter().any(|other| other.name() == collector.name()) {
            chosen.push(collector);
        }
    }
    Ok((chosen, true))
}

fn units<'a>(plan: &Plan, collector: &dyn Collector, scope: &'a str) -> Vec<Unit<'a>> {
    match collector.span() {
        Span::Day => {
            plan.since.through(plan.until).map(|day| Unit { scope, since: day, until: day }).collect()
        }
        Span::Range | Span::Snapshot => vec![Unit { scope, since: plan.since, until: plan.until }],
    }
}

/// One walk of a collector: numbers its pages, dates it, counts its rows by day.
struct Walk<'a, W> {
    plan: &'a Plan,
    collector: &'static dyn Collector,
    unit: Unit<'a>,
    output: &'a mut Output<W>,
    fetched_at: Option<Timestamp>,
    page: u32,
    rows: BTreeMap<Day, u64>,
    flaw: Option<String>,
}

impl<'a, W: Write> Walk<'a, W> {
    fn new(
        plan: &'a Plan,
        collector: &'static dyn Collector,
        unit: Unit<'a>,
        output: &'a mut Output<W>,
    ) -> Self {
        Walk { plan, collector, unit, output, fetched_at: None, page: 0, rows: BTreeMap::new(), flaw: None }
    }

    /// The days a node counts for, of those asked for. A node that cannot be read may well be of the day it came
    /// with: counting it there makes the day incomplete until somebody has looked at it.
    fn day_of(&self, node: &RawValue, day: Day, at: Timestamp) -> Option<Day> {
        let (instance, name) = (self.plan.instance.as_str(), self.collector.name());
        let row = Row { page: self.page, index: 0 };
        let origin = Origin {
            instance: instance.into(),
            collector: name.into(),
            scope: self.unit.scope.into(),
            day,
            fetched_at: at,
            row,
        };
        match (self.collector.read(node.get(), origin), self.collector.span()) {
            (Err(_), _) | (Ok(_), Span::Snapshot) => Some(day),
            (Ok(record), Span::Day) => record.is_of_its_day().then_some(day),
            (Ok(record), Span::Range) => {
                record.days().find(|day| (self.unit.since..=self.unit.until).contains(day))
            }
        }
    }

    fn write(&mut self, day: Day, nodes: Vec<&RawValue>, at: Timestamp) -> Result<(), Error> {
        if nodes.is_empty() {
            return Ok(());
        }
        let compact: Vec<Box<RawValue>> = nodes.iter().filter_map(|node| without_line_breaks(node)).collect();
        let mut replacements = compact.iter();
        let nodes = nodes.into_iter().map(|node| match has_line_break(node) {
            true => replacements.next().map_or(node, |compact| compact),
            false => node,
        });
        let line = Raw {
            collector: self.collector.name().into(),
            instance: self.plan.instance.as_str().into(),
            scope: self.unit.scope.into(),
            day,
            page: self.page,
            fetched_at: at,
            nodes: nodes.collect(),
        };
        self.output.write(self.collector.name(), &line)
    }

    /// The coverage lines of the walk.
    fn close(self, fault: Option<&Fault>) -> Vec<Coverage> {
        let snapshot_day = self.fetched_at.map_or(self.plan.today, Timestamp::day);
        let days: Vec<Day> = match self.collector.span() {
            Span::Snapshot => vec![snapshot_day],
            Span::Day | Span::Range => self.unit.since.through(self.unit.until).collect(),
        };
        let line = |day: Day| {
            let rows = self.rows.get(&day).copied().unwrap_or(0);
            let is_some = rows > 0 || (self.fetched_at.is_some() && self.collector.span() == Span::Day);
            let status = match fault {
                None if self.flaw.is_some() => Status::Partial,
                None => Status::Complete,
                Some(_) if is_some => Status::Partial,
                Some(Fault::Denied(_)) => Status::Denied,
                Some(Fault::Unsupported(_)) => Status::Unsupported,
                Some(_) => Status::Failed,
            };
            Coverage {
                collector: self.collector.name().to_owned(),
                instance: self.plan.instance.as_str().to_owned(),
                scope: self.unit.scope.to_owned(),
                day,
                status,
                rows: matches!(status, Status::Complete | Status::Partial).then_some(rows),
                fetched_at: self.fetched_at,
                reason: fault.map(|fault| fault.text().to_owned()).or_else(|| self.flaw.clone()),
            }
        };
        days.into_iter().map(line).collect()
    }
}

impl<W: Write> Sink for Walk<'_, W> {
    fn page(&mut self, nodes: &[&RawValue], answer: &Answer) -> Result<(), Fault> {
        let at = *self.fetched_at.get_or_insert(answer.at);
        if self.flaw.is_none() {
            self.flaw.clone_from(&answer.flaw);
        }
        self.page =
            self.page.checked_add(1).ok_or_else(|| Fault::Answer("GitLab's pages do not end".to_owned()))?;
        let asked = match self.collector.span() {
            Span::Snapshot => at.day(),
            Span::Day | Span::Range => self.unit.until,
        };
        let mut by_day: BTreeMap<Day, Vec<&RawValue>> = BTreeMap::new();
        for node in nodes {
            let day = self.day_of(node, asked, at);
            if let Some(day) = day {
                *self.rows.entry(day).or_default() += 1;
            }
            // Pages that were asked for by day stay whole; normalize leaves the nodes of other days to those days.
            if let Some(day) = day.or((self.collector.span() == Span::Day).then_some(asked)) {
                by_day.entry(day).or_default().push(node);
            }
        }
        for (day, nodes) in by_day {
            self.write(day, nodes, at).map_err(Fault::Sink)?;
        }
        Ok(())
    }
}

impl<W: Write> Output<W> {
    fn new(plan: &Plan, stream: Option<W>) -> Result<Output<W>, Error> {
        let mut files = BTreeMap::new();
        if let Some(folder) = &plan.output_dir {
            for collector in &plan.collectors {
                let file = NewFile::create(&folder.join(format!("{}.jsonl", collector.name())))?;
                files.insert(collector.name(), LineWriter::new(file));
            }
        }
        Ok(Output { stream: stream.map(LineWriter::new), files })
    }

    fn write(&mut self, collector: &'static str, line: &impl serde::Serialize) -> Result<(), Error> {
        if let Some(file) = self.files.get_mut(collector) {
            file.write(line)?;
        }
        match &mut self.stream {
            Some(stream) => stream.write(line),
            None => Ok(()),
        }
    }

    fn close(self) -> Result<(), Error> {
        for (_, file) in self.files {
            file.into_inner().keep()?;
        }
        match self.stream {
            Some(mut stream) => stream.flush(),
            None => Ok(()),
        }
    }
}

impl Fault {
    /// The text for a person.
    fn text(&self) -> &str {
        match self {
            Fault::Denied(text)
            | Fault::Unsupported(text)
            | Fault::Temporary(text)
            | Fault::Token(text)
            | Fault::Configuration(text)
            | Fault::Answer(text) => text,
            Fault::Sink(_) => "the lines could not be written",
        }
    }

    /// Whether nothing further can be collected.
    fn stops_everything(&self) -> bool {
        matches!(self, Fault::Token(_) | Fault::Configuration(_))
    }

    /// The same fault, for what is not even asked for any more.
    fn again(&self) -> Fault {
        Fault::Answer(format!("not asked for: {}", self.text()))
    }
}

fn fatal(fault: Fault) -> Error {
    match fault {
        Fault::Denied(text) | Fault::Unsupported(text) => Error::Nothing(text),
        Fault::Temporary(text) | Fault::Answer(text) => Error::Temporary(text),
        Fault::Token(text) => Error::Token(text),
        Fault::Configuration(text) => Error::Configuration(text),
        Fault::Sink(error) => error,
    }
}

/// Says what became of everything, and which exit code that makes.
fn conclude(
    plan: &Plan,
    coverage: &[Coverage],
    stopped: Option<Fault>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    tell(coverage, summary);
    if let Some(fault) = stopped {
        return Err(fatal(fault));
    }
    let has = |statuses: &[Status]| coverage.iter().find(|line| statuses.contains(&line.status));
    let reason = |line: &Coverage| line.reason.clone().unwrap_or_default();
    if has(&[Status::Complete, Status::Partial]).is_none() {
        return Err(match (has(&[Status::Failed]), has(&[Status::Denied, Status::Unsupported])) {
            (Some(failed), _) => Error::Temporary(format!("nothing could be collected: {}", reason(failed))),
            (None, Some(refused)) => Error::Nothing(format!("nothing to collect here: {}", reason(refused))),
            (None, None) => Error::Bug("nothing was asked for".to_owned()),
        });
    }
    let refused_by_name = plan.named && has(&[Status::Denied, Status::Unsupported]).is_some();
    Ok(match refused_by_name || has(&[Status::Partial, Status::Failed]).is_some() {
        true => Outcome::Partial,
        false => Outcome::Complete,
    })
}

/// What became of a collector in a scope: complete days, rows, and the days of each gap.
#[derive(Default)]
struct Total<'a> {
    complete: u64,
    rows: u64,
    gaps: BTreeMap<(Status, &'a str), Vec<Day>>,
}

/// One line a collector and scope, and one a gap: days of the same status and reason together.
fn tell(coverage: &[Coverage], summary: &mut Summary) {
    let mut totals: BTreeMap<(&str, &str), Total<'_>> = BTreeMap::new();
    for line in coverage {
        let total = totals.entry((&line.scope, &line.collector)).or_default();
        total.rows += line.rows.unwrap_or(0);
        match (line.status, line.reason.as_deref()) {
            (Status::Complete, _) => total.complete += 1,
            (status, reason) => total
                .gaps
                .entry((status, reason.unwrap_or("no reason was given")))
                .or_default()
                .push(line.day),
        }
    }
    let mut collected = Vec::new();
    for ((scope, collector), Total { complete, rows, gaps }) in &totals {
        summary.say(format!(
            "{collector} of {scope}: {} complete, {}",
            counted(*complete, "day"),
            counted(*rows, "row")
        ));
        for ((status, reason), days) in gaps {
            let on = match days.as_slice() {
                [first, .., last] => format!("{} from {first} to {last}", counted(days.len() as u64, "day")),
                days => days.iter().map(Day::to_string).collect(),
            };
            summary.say(format!("{collector} of {scope}: {} on {on}: {reason}", status.as_str()));
        }
        let gaps: Vec<_> = gaps
            .iter()
            .map(|((status, reason), days)| json!({"status": status, "reason": reason, "days": days}))
            .collect();
        collected.push(json!({"collector": collector, "scope": scope, "complete_days": complete, "rows": rows, "gaps": gaps}));
    }
    summary.field("collected", collected);
}

fn has_line_break(node: &RawValue) -> bool {
    node.get().contains(['\n', '\r'])
}

/// The node on one line: white space between its tokens is taken out, everything else stays as GitLab wrote it.
fn without_line_breaks(node: &RawValue) -> Option<Box<RawValue>> {
    if !has_line_break(node) {
        return None;
    }
    let (mut text, mut in_string, mut escaped) = (String::with_capacity(node.get().len()), false, false);
    for c in node.get().chars() {
        if in_string || !c.is_ascii_whitespace() {
            text.push(c);
        }
        match (in_string, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, false, '"') => in_string = !in_string,
            _ => {}
        }
    }
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_comes_on_one_line_and_otherwise_as_it_was() {
        let node = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let pretty = node("{\n  \"a\" : \"x \\\" y\",\r\n\t\"b\": [1.0, \"\\\\\"]\n}");
        assert_eq!(without_line_breaks(&pretty).expect("changed").get(), r#"{"a":"x \" y","b":[1.0,"\\"]}"#);
        assert!(without_line_breaks(&node(r#"{"a": 1}"#)).is_none());
    }
}
