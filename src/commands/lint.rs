//! `lint`: what is wrong with the instrumentation of Duo events and with event definitions.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::base::error::{Error, Outcome};
use crate::base::text::counted;
use crate::cli::{FailOn, LintArgs, LintFormat};
use crate::events::catalog::{entries, entry};
use crate::lint::report::{self, Fingerprints};
use crate::lint::{
    Definitions, EventLinter, Finding, Place, Profile, RULES, Rule, Severity, Stream, Trace, lint_definition,
    rule, sample, unreadable,
};
use crate::model::line::Line;
use crate::normalize::documents::{Documents, Headings};
use crate::normalize::sources::{Found, find};
use crate::stream::chunks::{Chunk, work_through};
use crate::stream::encoding::Decoder;
use crate::stream::lines::LineWriter;
use crate::system::summary::Summary;

/// How lines of our own begin.
const OWN_LINE: &str = "{\"type\":";

/// What standard input is called.
const STDIN: &str = "stdin";

/// Runs the command.
pub fn run(
    args: &LintArgs,
    stdin: Option<impl Read + Send>,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    if let Some(id) = &args.explain {
        let rule = rule(id)
            .ok_or_else(|| Error::Usage(format!("there is no rule {id}; see \"duo-metrics lint --list\"")))?;
        return written(&mut stdout, &report::explained(rule));
    }
    if args.list {
        return list(args.format, stdout, summary);
    }
    if let Some(name) = &args.example {
        let entry = entry(&name.to_ascii_lowercase()).ok_or_else(|| no_event(name))?;
        return written(&mut stdout, &format!("{}\n", sample(entry, args.profile.into(), args.form.into())));
    }
    let mut run = Run::new(args, stdout);
    run.begin()?;
    let (definitions, events): (Vec<_>, Vec<_>) =
        args.files.iter().enumerate().partition(|(_, path)| is_definition(path));
    for (number, path) in definitions {
        run.definition(number, path)?;
    }
    let known = std::mem::take(&mut run.definitions);
    if args.files.is_empty() {
        let input = stdin.ok_or_else(|| {
            Error::Usage(
                "nothing is piped in and no file is named; see \"duo-metrics lint --help\"".to_owned(),
            )
        })?;
        run.events(0, input, &known, args.threads.count())?;
    }
    for (number, path) in events {
        let file = File::open(path).map_err(Error::file("read", path))?;
        run.events(number, Decoder::file(file, path), &known, args.threads.count())?;
    }
    run.finish(args.fail_on, summary)
}

/// Whether a file holds an event definition; all others hold events.
fn is_definition(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

fn written(stdout: &mut impl Write, text: &str) -> Result<Outcome, Error> {
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}

fn no_event(name: &str) -> Error {
    let near: Vec<&str> = entries()
        .map(|entry| entry.name)
        .filter(|known| known.contains(name) && !name.is_empty())
        .take(5)
        .collect();
    let hint = match near.is_empty() {
        true => "for example request_duo_workflow or token_usage_duo_agent_platform".to_owned(),
        false => format!("there is {}", near.join(", ")),
    };
    Error::Usage(format!("GitLab has no event {name}; {hint}"))
}

/// Lists the rules.
fn list(format: LintFormat, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    match format {
        LintFormat::Jsonl => {
            let mut output = LineWriter::new(stdout);
            RULES.iter().try_for_each(|rule| output.write(&report::rule_line(rule)))?;
            output.flush()?;
        }
        LintFormat::Text | LintFormat::Codequality => {
            let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
            let line =
                |rule: &Rule| format!("{:width$}  {:7}  {}\n", rule.id, rule.severity.as_str(), rule.title);
            let text: String = RULES.iter().map(line).collect();
            written(&mut stdout, &text)?;
        }
    }
    summary.say(counted(RULES.len() as u64, "rule"));
    summary.field("rules", RULES.len() as u64);
    Ok(Outcome::Complete)
}

/// A run over files, and what came of it so far.
struct Run<W: Write> {
    profile: Profile,
    format: LintFormat,
    output: LineWriter<W>,
    paths: Vec<String>,
    definitions: Definitions,
    stream: Stream,
    fingerprints: Fingerprints,
    written: u64,
    by_severity: [u64; 3],
    counts: Counts,
}

/// How much was looked at.
#[derive(Clone, Copy, Default)]
struct Counts {
    events: u64,
    definitions: u64,
    passed: u64,
}

/// What was found in a chunk.
#[derive(Default)]
struct Part {
    findings: Vec<Finding>,
    traces: Vec<Trace>,
    counts: Counts,
}

impl<W: Write> Run<W> {
    fn new(args: &LintArgs, stdout: W) -> Run<W> {
        let mut paths: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
        if paths.is_empty() {
            paths.push(STDIN.to_owned());
        }
        Run {
            profile: args.profile.into(),
            format: args.format,
            output: LineWriter::new(stdout),
            paths,
            definitions: Definitions::new(),
            stream: Stream::new(args.profile.into()),
            fingerprints: Fingerprints::default(),
            written: 0,
            by_severity: [0; 3],
            counts: Counts::default(),
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        match self.format {
            LintFormat::Codequality => self.output.write_text(b"["),
            LintFormat::Text | LintFormat::Jsonl => Ok(()),
        }
    }

    fn definition(&mut self, number: usize, path: &Path) -> Result<(), Error> {
        let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut findings = Vec::new();
        let read = lint_definition(self.profile, &self.paths[number], text, number as u32, &mut findings);
        self.counts.definitions += 1;
        if let Some(definition) = read
            && let Some(action) = definition.action()
        {
            self.definitions.insert(action.to_owned(), definition);
        }
        findings.iter().try_for_each(|finding| self.tell(finding))
    }

    fn events(
        &mut self,
        number: usize,
        input: impl Read + Send,
        definitions: &Definitions,
        threads: usize,
    ) -> Result<(), Error> {
        let input = Documents::new(input);
        let headings = input.headings();
        let linters = (0..threads).map(|_| EventLinter::new(self.profile, definitions)).collect();
        let work =
            |linter: &mut EventLinter<'_>, chunk: &Chunk| Part::of(chunk, linter, number as u32, &headings);
        work_through(input, linters, work, |_, mut part| {
            for trace in part.traces {
                let paths = &self.paths;
                let again = self.stream.take(trace, |place| paths[place.file as usize].clone());
                part.findings.extend(again);
            }
            part.findings.sort_by_key(|finding| finding.place);
            self.counts.events += part.counts.events;
            self.counts.passed += part.counts.passed;
            part.findings.iter().try_for_each(|finding| self.tell(finding))
        })
    }

    fn tell(&mut self, finding: &Finding) -> Result<(), Error> {
        let path = &self.paths[finding.place.file as usize];
        self.by_severity[finding.rule.severity as usize] += 1;
        self.written += 1;
        match self.format {
            LintFormat::Text => self.output.write_text(report::text(finding, path).as_bytes()),
            LintFormat::Jsonl => self.output.write(&report::json_line(finding, path, &mut self.fingerprints)),
            LintFormat::Codequality => {
                self.output.write_text(if self.written == 1 { b"" } else { b"," })?;
                self.output.write(&report::issue(finding, path, &mut self.fingerprints))
            }
        }
    }

    fn finish(mut self, fail_on: FailOn, summary: &mut Summary) -> Result<Outcome, Error> {
        let stream = std::mem::replace(&mut self.stream, Stream::new(self.profile));
        stream.finish().iter().try_for_each(|finding| self.tell(finding))?;
        if self.format == LintFormat::Codequality {
            self.output.write_text(b"]\n")?;
        }
        self.output.flush()?;
        let Counts { events, definitions, passed } = self.counts;
        let looked = [(events, "event"), (definitions, "definition")];
        let looked: Vec<String> = looked
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, thing)| counted(*count, thing))
            .collect();
        let looked = if looked.is_empty() { "no event".to_owned() } else { looked.join(" and ") };
        let [notes, warnings, errors] = self.by_severity;
        let found = format!(
            "{}, {}, {}",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(notes, "note")
        );
        summary.say(format!("{looked}: {found}"));
        if passed > 0 {
            summary.say(format!("{} without an event passed over", counted(passed, "line")));
        }
        for (name, count) in [
            ("events", events),
            ("definitions", definitions),
            ("skipped", passed),
            ("errors", errors),
            ("warnings", warnings),
            ("infos", notes),
        ] {
            summary.field(name, count);
        }
        let grave =
            Severity::ALL.iter().zip(self.by_severity).filter(|(severity, _)| fail_on.includes(**severity));
        let grave: u64 = grave.map(|(_, count)| count).sum();
        if grave == 0 {
            return Ok(Outcome::Complete);
        }
        Err(Error::Input(format!(
            "{} of severity {} or above; \"duo-metrics lint --explain RULE\" tells why and what to do",
            counted(grave, "finding"),
            fail_on.as_str()
        )))
    }
}

impl Part {
    fn of(chunk: &Chunk, linter: &mut EventLinter<'_>, file: u32, headings: &Headings) -> Part {
        let mut part = Part::default();
        for line in chunk.lines() {
            let place = Place { file, line: chunk.lines_before() + line.number };
            let found = match line.text {
                // Lines of our own commands are no events, though records look like them.
                Ok(text) if text.starts_with(OWN_LINE) && Line::parse_or_repair(text, &mut None).is_ok() => {
                    Found::Nothing
                }
                Ok(text) => find(text, headings.at(line.offset).as_deref()),
                Err(reason) => Found::Events { events: vec![Err(reason.to_owned())], skipped: 0 },
            };
            part.take(found, place, linter);
        }
        part
    }

    fn take(&mut self, found: Found, place: Place, linter: &mut EventLinter<'_>) {
        let events = match found {
            Found::Events { events, skipped } => {
                self.counts.passed += skipped;
                events
            }
            Found::Nothing => {
                self.counts.passed += 1;
                return;
            }
            Found::Unknown => vec![Err("no event of a form that is known".to_owned())],
        };
        for event in events {
            match event {
                Ok(told) => {
                    self.counts.events += 1;
                    self.traces.push(linter.lint(&told, place, &mut self.findings));
                }
                Err(reason) => self.findings.push(unreadable(place, &reason)),
            }
        }
    }
}
