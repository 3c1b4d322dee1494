//! One call of `lint`: checks files one after the other, and writes findings as they are found.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Outcome};
use crate::base::paint::Painter;
use crate::base::text::format_count;
use crate::cli::{FailOn, LintArgs, LintFormat};
use crate::lint::report::{self, Fingerprints};
use crate::lint::{
    Definitions, EventLinter, Finding, Location, Profile, Severity, StreamEntry, StreamLinter,
    lint_definition, unreadable_line,
};
use crate::model::line::Line;
use crate::normalize::line_adapter::{HeaderIndex, LineAdapter};
use crate::normalize::sources::{Found, find};
use crate::stream::chunks::{Chunk, process_chunks};
use crate::stream::lines::LineWriter;
use crate::stream::misplaced::{LineKind, Misplaced, Stage};
use crate::system::summary::Summary;
use crate::system::terminal::stdout_painter;
use crate::system::text_file;

/// The start of the lines that our own commands write.
const OWN_LINE_PREFIX: &str = "{\"type\":";

/// The path of standard input in findings.
const STDIN: &str = "stdin";

/// The state of one call, over all its files.
pub(super) struct LintRun<W: Write> {
    profile: Profile,
    format: LintFormat,
    painter: Painter,
    output: LineWriter<W>,
    paths: Vec<String>,
    /// The definitions that were read so far.
    pub(super) definitions: Definitions,
    stream: StreamLinter,
    fingerprints: Fingerprints,
    written: u64,
    by_severity: [u64; 3],
    counts: LintCounts,
    misplaced: Misplaced,
}

/// How much was checked.
#[derive(Clone, Copy, Default)]
struct LintCounts {
    events: u64,
    definitions: u64,
    /// Lines without an event.
    skipped: u64,
}

/// The findings and events of one chunk of a file.
#[derive(Default)]
struct ChunkFindings {
    findings: Vec<Finding>,
    entries: Vec<StreamEntry>,
    counts: LintCounts,
    misplaced: Misplaced,
}

impl<W: Write> LintRun<W> {
    pub(super) fn new(args: &LintArgs, files: &[PathBuf], stdout: W) -> LintRun<W> {
        let mut paths: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        if paths.is_empty() {
            paths.push(STDIN.to_owned());
        }
        LintRun {
            profile: args.profile.into(),
            format: args.format,
            painter: stdout_painter(),
            output: LineWriter::new(stdout),
            paths,
            definitions: Definitions::new(),
            stream: StreamLinter::new(args.profile.into()),
            fingerprints: Fingerprints::default(),
            written: 0,
            by_severity: [0; 3],
            counts: LintCounts::default(),
            misplaced: Misplaced::default(),
        }
    }

    /// Writes what precedes all findings.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        match self.format {
            LintFormat::Codequality => self.output.write_serialized(b"["),
            LintFormat::Text | LintFormat::Jsonl => Ok(()),
        }
    }

    /// Checks a definition. Its event is known from then on.
    pub(super) fn lint_definition_file(&mut self, number: usize, path: &Path) -> Result<(), Error> {
        let bytes = text_file::read_bytes(path)?;
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
        findings.iter().try_for_each(|finding| self.report(finding))
    }

    /// Checks events. `number` is the index of the file in the arguments.
    pub(super) fn lint_events(
        &mut self,
        number: usize,
        input: impl Read + Send,
        definitions: &Definitions,
        threads: usize,
    ) -> Result<(), Error> {
        let input = LineAdapter::new(input);
        let headers = input.header_index();
        let linters = (0..threads).map(|_| EventLinter::new(self.profile, definitions)).collect();
        let work = |linter: &mut EventLinter<'_>, chunk: &Chunk| {
            ChunkFindings::of(chunk, linter, number as u32, &headers)
        };
        process_chunks(input, linters, work, |_, mut chunk| {
            for entry in chunk.entries {
                let paths = &self.paths;
                let duplicate = self.stream.add(entry, |location| paths[location.file as usize].clone());
                chunk.findings.extend(duplicate);
            }
            chunk.findings.sort_by_key(|finding| finding.location);
            self.counts.events += chunk.counts.events;
            self.counts.skipped += chunk.counts.skipped;
            self.misplaced.add_chunk(0, &chunk.misplaced);
            chunk.findings.iter().try_for_each(|finding| self.report(finding))
        })
    }

    /// Writes a finding.
    fn report(&mut self, finding: &Finding) -> Result<(), Error> {
        let path = &self.paths[finding.location.file as usize];
        self.by_severity[finding.rule.severity as usize] += 1;
        self.written += 1;
        match self.format {
            LintFormat::Text => {
                self.output.write_serialized(report::text_line(finding, path, self.painter).as_bytes())
            }
            LintFormat::Jsonl => self.output.write(&report::json_line(finding, path, &mut self.fingerprints)),
            LintFormat::Codequality => {
                self.output.write_serialized(if self.written == 1 { b"" } else { b"," })?;
                self.output.write(&report::code_quality_issue(finding, path, &mut self.fingerprints))
            }
        }
    }

    /// Writes the findings of sessions, reports the counts, and fails if a finding is severe
    /// enough.
    pub(super) fn finish(mut self, fail_on: FailOn, summary: &mut Summary) -> Result<Outcome, Error> {
        let stream = std::mem::replace(&mut self.stream, StreamLinter::new(self.profile));
        stream.finish().iter().try_for_each(|finding| self.report(finding))?;
        if self.format == LintFormat::Codequality {
            self.output.write_serialized(b"]\n")?;
        }
        self.output.flush()?;
        let LintCounts { events, definitions, skipped } = self.counts;
        let is_empty = events + definitions + self.written == 0;
        if let Some(error) = self.misplaced.error(Stage::Lint).filter(|_| is_empty) {
            return Err(error);
        }
        let checked = [(events, "event"), (definitions, "definition")];
        let checked: Vec<String> = checked
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, thing)| format_count(*count, thing))
            .collect();
        let checked = if checked.is_empty() { "no event".to_owned() } else { checked.join(" and ") };
        let [notes, warnings, errors] = self.by_severity;
        let found = format!(
            "{}, {}, {}",
            format_count(errors, "error"),
            format_count(warnings, "warning"),
            format_count(notes, "note")
        );
        summary.message(format!("{checked}: {found}"));
        if skipped > 0 {
            summary.message(format!("skipped {} without an event", format_count(skipped, "line")));
        }
        for (name, count) in [
            ("events", events),
            ("definitions", definitions),
            ("skipped", skipped),
            ("errors", errors),
            ("warnings", warnings),
            ("infos", notes),
        ] {
            summary.field(name, count);
        }
        let failing =
            Severity::ALL.iter().zip(self.by_severity).filter(|(severity, _)| fail_on.includes(**severity));
        let failing: u64 = failing.map(|(_, count)| count).sum();
        if failing == 0 {
            return Ok(Outcome::Complete);
        }
        Err(Error::Input(format!(
            "{} of severity {} or higher; \"duo-metrics lint --explain RULE\" explains a rule",
            format_count(failing, "finding"),
            fail_on.as_str()
        )))
    }
}

impl ChunkFindings {
    fn of(chunk: &Chunk, linter: &mut EventLinter<'_>, file: u32, headers: &HeaderIndex) -> ChunkFindings {
        let mut result = ChunkFindings::default();
        for line in chunk.lines() {
            let location = Location { file, line: chunk.lines_before() + line.number };
            let found = match line.text {
                // Lines of our own commands are not events, although records look like them.
                Ok(text) if text.starts_with(OWN_LINE_PREFIX) => {
                    match Line::parse_or_repair(text, &mut None) {
                        Ok(own) => {
                            if let Some(kind) = LineKind::of(&own) {
                                result.misplaced.add(location.line, kind);
                            }
                            Found::Nothing
                        }
                        Err(_) => find(text, headers.at(line.offset).as_deref()),
                    }
                }
                Ok(text) => find(text, headers.at(line.offset).as_deref()),
                Err(reason) => Found::Events { events: vec![Err(reason.to_owned())], skipped: 0 },
            };
            result.add(found, location, linter);
        }
        result
    }

    fn add(&mut self, found: Found, location: Location, linter: &mut EventLinter<'_>) {
        let events = match found {
            Found::Events { events, skipped } => {
                self.counts.skipped += skipped;
                events
            }
            Found::Nothing => {
                self.counts.skipped += 1;
                return;
            }
            Found::Unknown => vec![Err("unrecognized event format".to_owned())],
        };
        for event in events {
            match event {
                Ok(observed) => {
                    self.counts.events += 1;
                    self.entries.push(linter.lint(&observed, location, &mut self.findings));
                }
                Err(reason) => self.findings.push(unreadable_line(location, &reason)),
            }
        }
    }
}
