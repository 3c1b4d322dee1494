//! `history`: look after what was kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::calendar::Day;
use crate::cli::{HistoryCommand, HistoryCommandArgs, ListFormat};
use crate::commands::normalize::pseudonyms;
use crate::error::{Error, Outcome, shown};
use crate::history::{Content, Head, History, read, read_all};
use crate::record::Status;
use crate::settings::Environment;
use crate::stream::LineWriter;
use crate::summary::Summary;
use crate::wording::counted;

/// What is kept of a collector and scope.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "kept")]
struct Kept {
    instance: String,
    collector: String,
    scope: String,
    since: Day,
    until: Day,
    days: u64,
    complete_days: u64,
    rows: u64,
    bytes: u64,
}

/// Runs the command.
pub fn run(
    args: &HistoryCommandArgs,
    environment: &Environment,
    stdin: Option<impl BufRead>,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let folder = environment.history(args.history.history.as_deref()).ok_or_else(|| {
        Error::Usage("no history is named; give --history DIR or set DUO_METRICS_HISTORY".to_owned())
    })?;
    if let HistoryCommand::Import = args.command {
        let stdin = stdin.ok_or_else(|| {
            Error::Usage("nothing is piped in; give what \"duo-metrics history export\" wrote".to_owned())
        })?;
        return import(&History::open(&folder)?, stdin, summary);
    }
    let history = History::at(&folder)?;
    match &args.command {
        HistoryCommand::Export | HistoryCommand::Import => export(&history, stdout, summary),
        HistoryCommand::List { format } => list(&history, *format, stdout, summary),
        HistoryCommand::Verify => verify(&history, summary),
        HistoryCommand::Prune { keep_days } => prune(&history, *keep_days, summary),
        HistoryCommand::Forget { user } => forget(&history, user, environment, summary),
    }
}

/// The files that can be read. The error names the first that cannot.
fn contents(history: &History) -> Result<impl Iterator<Item = Result<(PathBuf, Content), Error>>, Error> {
    let files = history.files()?;
    Ok(files.into_iter().map(|path| match read(&path) {
        Ok(content) => Ok((path, content)),
        Err(reason) => {
            Err(Error::Input(format!("{}: {reason}; see \"duo-metrics history verify\"", shown(&path))))
        }
    }))
}

fn list(
    history: &History,
    format: ListFormat,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut all: BTreeMap<(String, String, String), Kept> = BTreeMap::new();
    let mut files = 0_u64;
    for found in contents(history)? {
        let (path, Content { head, coverage, .. }) = found?;
        files += 1;
        let bytes = fs::metadata(&path).map_err(Error::file("read", &path))?.len();
        let key = (head.instance.clone(), head.scope.clone(), head.collector.clone());
        let kept = all.entry(key).or_insert_with(|| Kept {
            instance: head.instance,
            collector: head.collector,
            scope: head.scope,
            since: head.day,
            until: head.day,
            days: 0,
            complete_days: 0,
            rows: 0,
            bytes: 0,
        });
        kept.since = kept.since.min(head.day);
        kept.until = kept.until.max(head.day);
        kept.days += 1;
        kept.complete_days += u64::from(coverage.iter().any(|line| line.status == Status::Complete));
        kept.rows += coverage.iter().filter_map(|line| line.rows).max().unwrap_or(0);
        kept.bytes += bytes;
    }
    match format {
        ListFormat::Json => {
            let mut output = LineWriter::new(stdout);
            all.values().try_for_each(|kept| output.write(kept))?;
            output.flush()?;
        }
        ListFormat::Text => {
            for kept in all.values() {
                let Kept { collector, scope, since, until, days, complete_days, rows, bytes, .. } = kept;
                writeln!(
                    stdout,
                    "{collector} of {scope}: {since} to {until}, {}, {complete_days} complete, {}, {} kB",
                    counted(*days, "day"),
                    counted(*rows, "row"),
                    bytes.div_ceil(1000)
                )
                .map_err(Error::writing)?;
            }
            stdout.flush().map_err(Error::writing)?;
        }
    }
    summary.field("files", files);
    Ok(Outcome::Complete)
}

/// Reads every file and names those that cannot be read. Nothing is changed.
fn verify(history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
    let files = history.files()?;
    let damaged: Vec<String> = files
        .iter()
        .filter_map(|path| read(path).err().map(|reason| format!("{}: {reason}", shown(path))))
        .collect();
    damaged.iter().for_each(|text| summary.say(text.clone()));
    summary.say(format!("{} read, {} damaged", counted(files.len() as u64, "file"), damaged.len()));
    summary.field("files", files.len());
    summary.field("damaged", damaged.len());
    match damaged.first() {
        None => Ok(Outcome::Complete),
        Some(first) => Err(Error::Input(format!(
            "{first}; the next \"duo-metrics aggregate --history\" sets it aside; collect that day again while GitLab has it"
        ))),
    }
}

/// Writes every file that can be read, one after the other: gzip knows what several in one mean.
fn export(history: &History, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    let (mut written, mut outcome) = (0, Outcome::Complete);
    for path in history.files()? {
        if let Err(reason) = read(&path) {
            summary.say(format!("{}: {reason}; left out", shown(&path)));
            outcome = Outcome::Partial;
            continue;
        }
        let packed = fs::read(&path).map_err(Error::file("read", &path))?;
        stdout.write_all(&packed).map_err(Error::writing)?;
        written += 1;
    }
    stdout.flush().map_err(Error::writing)?;
    summary.say(format!("{} written", counted(written, "file")));
    summary.field("files", written);
    Ok(outcome)
}

/// Takes over what is fuller, or as full and newer, than what is there. What comes after damage is lost, and said so.
fn import(history: &History, mut input: impl BufRead, summary: &mut Summary) -> Result<Outcome, Error> {
    let (mut found, mut taken, mut outcome) = (0, 0, Outcome::Complete);
    let reading = |source| Error::Stream { doing: "read standard input", source };
    // An empty history is exported as nothing, which gzip takes for something cut.
    let is_empty = input.fill_buf().map_err(reading)?.is_empty();
    for content in (!is_empty).then(|| read_all(input)).into_iter().flatten() {
        let content = match content {
            Ok(content) => content,
            Err(reason) => {
                summary.say(format!("after {} {reason}; the rest is left out", counted(found, "file")));
                outcome = Outcome::Partial;
                break;
            }
        };
        found += 1;
        let Head { instance, collector, scope, day, .. } = &content.head;
        let there = read(&history.path(instance, collector, scope, *day));
        if !there.is_ok_and(|there| there.worth() >= content.worth()) {
            history.write(&content)?;
            taken += 1;
        }
    }
    summary.say(format!("{} read, {taken} taken over", counted(found, "file")));
    summary.field("files", found);
    summary.field("taken_over", taken);
    Ok(outcome)
}

/// Removes the days that lie so far before the last day kept.
fn prune(history: &History, keep_days: i64, summary: &mut Summary) -> Result<Outcome, Error> {
    let mut days = Vec::new();
    for found in contents(history)? {
        let (path, content) = found?;
        days.push((path, content.head.day));
    }
    let last = days.iter().map(|(_, day)| *day).max();
    let mut removed = 0;
    for (path, day) in &days {
        if last.is_some_and(|last| last.days_since(*day) >= keep_days) {
            fs::remove_file(path).map_err(Error::file("remove", path))?;
            removed += 1;
        }
    }
    summary.say(format!("{} removed, {} kept", counted(removed, "file"), days.len() as u64 - removed));
    summary.field("removed", removed);
    Ok(Outcome::Complete)
}

/// Takes a person out of every file.
fn forget(
    history: &History,
    user: &str,
    environment: &Environment,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let key = pseudonyms(environment)?;
    let (mut files, mut rows) = (0_u64, 0);
    for found in contents(history)? {
        let (path, mut content) = found?;
        let pseudonym = key.as_ref().map(|key| key.of(&content.head.instance, user));
        let gone = content.forget(user) + pseudonym.map_or(0, |pseudonym| content.forget(&pseudonym));
        if gone > 0 {
            let new_place = history.write(&content)?;
            if new_place != path {
                fs::remove_file(&path).map_err(Error::file("remove", &path))?;
            }
            files += 1;
            rows += gone;
        }
    }
    if files == 0 {
        summary.say("nobody of this id is in the history; ids look like gid://gitlab/User/42, or hmac:… with pseudonyms".to_owned());
    } else {
        summary.say(format!("{} taken out of {}", counted(rows, "row"), counted(files, "file")));
    }
    summary.field("rows", rows);
    summary.field("files", files);
    Ok(Outcome::Complete)
}
