//! `history`: lists, verifies, moves and removes what is in the history.

mod copy;
mod edit;
mod transfer;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::aggregate::history::{Content, History, read};
use crate::base::address::canonical;
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::{format_count, to_single_line};
use crate::cli::{HistoryCommand, HistoryCommandArgs, ListFormat};
use crate::model::coverage::Status;
use crate::stream::lines::LineWriter;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

use copy::{pull, push};
use edit::{drop_groups, forget, group_path, prune, rename, rename_of};
use transfer::{export, import};

/// What the history has of a collector and scope.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename = "kept")]
pub(super) struct HistoryEntry {
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
        Error::Usage("no history given; add --history DIR or set DUO_METRICS_HISTORY".to_owned())
    })?;
    if let HistoryCommand::Import = args.command {
        let stdin = stdin.ok_or_else(|| {
            Error::Usage("no input; pipe the output of \"duo-metrics history export\" in".to_owned())
        })?;
        return import(&History::open(&folder)?, stdin, summary);
    }
    if let HistoryCommand::Pull(args) = &args.command {
        return pull(&History::open(&folder)?, args, environment, summary);
    }
    let history = History::open_existing(&folder)?;
    match &args.command {
        HistoryCommand::Export | HistoryCommand::Import | HistoryCommand::Pull(_) => {
            export(&history, stdout, summary)
        }
        HistoryCommand::Push(args) => push(&history, args, environment, summary),
        HistoryCommand::List { format } => list(&history, *format, stdout, summary),
        HistoryCommand::Verify => verify(&history, summary),
        HistoryCommand::Prune { keep_days } => prune(&history, *keep_days, summary),
        HistoryCommand::Forget { user } => forget(&history, user, environment, summary),
        HistoryCommand::Rename { url, group } => rename(&history, &rename_of(url, group)?, summary),
        HistoryCommand::Drop { group, url } => {
            let address = |url: &String| canonical(url.trim()).into_owned();
            drop_groups(&history, group.as_deref().map(group_path), url.as_ref().map(address), summary)
        }
    }
}

/// The content of every file. Ends with an error at the first damaged one.
fn contents(history: &History) -> Result<impl Iterator<Item = Result<(PathBuf, Content), Error>>, Error> {
    let files = history.files()?;
    Ok(files.into_iter().map(|path| match read(&path) {
        Ok(content) => Ok((path, content)),
        Err(reason) => Err(Error::Input(format!(
            "{}: {reason}; see \"duo-metrics history verify\"",
            display_path(&path)
        ))),
    }))
}

fn list(
    history: &History,
    format: ListFormat,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut all: BTreeMap<(String, String, String), HistoryEntry> = BTreeMap::new();
    let mut files = 0_u64;
    for found in contents(history)? {
        let (path, Content { head, coverage, .. }) = found?;
        files += 1;
        let bytes = fs::metadata(&path).map_err(Error::file("read", &path))?.len();
        let key = (head.instance.clone(), head.scope.clone(), head.collector.clone());
        let entry = all.entry(key).or_insert_with(|| HistoryEntry {
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
        entry.since = entry.since.min(head.day);
        entry.until = entry.until.max(head.day);
        entry.days += 1;
        entry.complete_days += u64::from(coverage.iter().any(|line| line.status == Status::Complete));
        entry.rows += coverage.iter().filter_map(|line| line.rows).max().unwrap_or(0);
        entry.bytes += bytes;
    }
    match format {
        ListFormat::Json => {
            let mut output = LineWriter::new(stdout);
            all.values().try_for_each(|entry| output.write(entry))?;
            output.flush()?;
        }
        ListFormat::Text => {
            for entry in all.values() {
                let HistoryEntry { collector, scope, since, until, days, complete_days, rows, bytes, .. } =
                    entry;
                let (collector, scope) = (to_single_line(collector), to_single_line(scope));
                writeln!(
                    stdout,
                    "{collector} of {scope}: {since} to {until}, {}, {complete_days} complete, {}, {} kB",
                    format_count(*days, "day"),
                    format_count(*rows, "row"),
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

/// Reads every file and reports the damaged ones. Changes nothing.
fn verify(history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
    let files = history.files()?;
    let damaged: Vec<String> = files
        .iter()
        .filter_map(|path| read(path).err().map(|reason| format!("{}: {reason}", display_path(path))))
        .collect();
    damaged.iter().for_each(|text| summary.warning(text.clone()));
    summary.message(format!("{} read, {} damaged", format_count(files.len() as u64, "file"), damaged.len()));
    summary.field("files", files.len());
    summary.field("damaged", damaged.len());
    match damaged.first() {
        None => Ok(Outcome::Complete),
        Some(first) => Err(Error::Input(format!(
            "{first}; the next \"duo-metrics aggregate --history\" sets it aside; collect that day again while GitLab still has its events"
        ))),
    }
}
