//! `lint`: checks the instrumentation of Duo events, and event definitions.

mod folders;
mod lint_run;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::base::error::{Error, Outcome};
use crate::base::suggestion::did_you_mean;
use crate::base::text::format_count;
use crate::cli::{LintArgs, LintFormat};
use crate::events::catalog::{entries, entry};
use crate::events::features::feature_of;
use crate::lint::{RULES, Rule, report, rule, sample};
use crate::stream::encoding::Decoder;
use crate::stream::lines::LineWriter;
use crate::system::summary::Summary;

use folders::with_folders;
use lint_run::LintRun;

/// Runs the command.
pub fn run(
    args: &LintArgs,
    stdin: Option<impl Read + Send>,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    if let Some(id) = &args.explain {
        let rule = rule(id).ok_or_else(|| {
            let known = RULES.iter().map(|rule| rule.id);
            let hint = did_you_mean(id, known, "see \"duo-metrics lint --list\"");
            Error::Usage(format!("unknown rule {id}; {hint}"))
        })?;
        return print_text(&mut stdout, &report::explanation(rule));
    }
    if args.list {
        return list(args.format, stdout, summary);
    }
    if args.example.as_deref() == Some("") {
        return list_events(&mut stdout);
    }
    if let Some(name) = &args.example {
        let entry = entry(&name.to_ascii_lowercase()).ok_or_else(|| unknown_event(name))?;
        return print_text(
            &mut stdout,
            &format!("{}\n", sample(entry, args.profile.into(), args.form.into())),
        );
    }
    let files = with_folders(&args.files)?;
    let mut run = LintRun::new(args, &files, stdout);
    run.begin()?;
    let (definitions, events): (Vec<_>, Vec<_>) =
        files.iter().enumerate().partition(|(_, path)| is_definition(path));
    for (number, path) in definitions {
        run.lint_definition_file(number, path)?;
    }
    let known = std::mem::take(&mut run.definitions);
    if files.is_empty() {
        let input = stdin.ok_or_else(|| {
            Error::Usage("no input: name files or pipe events in; see \"duo-metrics lint --help\"".to_owned())
        })?;
        run.lint_events(0, input, &known, args.threads.count())?;
    }
    for (number, path) in events {
        let file = File::open(path).map_err(Error::file("read", path))?;
        run.lint_events(number, Decoder::file(file, path), &known, args.threads.count())?;
    }
    run.finish(args.fail_on, summary)
}

/// Whether a file is an event definition. All others contain events.
fn is_definition(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

fn print_text(stdout: &mut impl Write, text: &str) -> Result<Outcome, Error> {
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}

fn unknown_event(name: &str) -> Error {
    let hint = did_you_mean(
        name,
        entries().map(|entry| entry.name),
        "\"duo-metrics lint --example\" lists the events",
    );
    Error::Usage(format!("GitLab has no event {name}; {hint}"))
}

/// Lists the events that have an example, one per line with its feature.
fn list_events(stdout: &mut impl Write) -> Result<Outcome, Error> {
    let width = entries().map(|entry| entry.name.len()).max().unwrap_or(0);
    let text: String =
        entries().map(|entry| format!("{:width$}  {}\n", entry.name, feature_of(entry.name))).collect();
    print_text(stdout, &text)
}

/// Lists the rules.
fn list(format: LintFormat, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    match format {
        LintFormat::Jsonl => {
            let mut output = LineWriter::new(stdout);
            RULES.iter().try_for_each(|rule| output.write(&report::rule_json(rule)))?;
            output.flush()?;
        }
        LintFormat::Text | LintFormat::Codequality => {
            let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
            let line =
                |rule: &Rule| format!("{:width$}  {:7}  {}\n", rule.id, rule.severity.as_str(), rule.title);
            let text: String = RULES.iter().map(line).collect();
            print_text(&mut stdout, &text)?;
        }
    }
    summary.message(format_count(RULES.len() as u64, "rule"));
    summary.field("rules", RULES.len() as u64);
    Ok(Outcome::Complete)
}
