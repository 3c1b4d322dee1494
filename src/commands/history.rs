//! `history`: look after what was kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::aggregate::history::{Content, Exported, Head, History, Rename, packed_identity, read, read_all};
use crate::base::address::canonical;
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::{HistoryCommand, HistoryCommandArgs, ListFormat};
use crate::commands::normalize::pseudonyms;
use crate::model::record::Status;
use crate::stream::lines::LineWriter;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

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
        HistoryCommand::Rename { url, group } => rename(&history, &to_rename(url, group)?, summary),
        HistoryCommand::Drop { group, url } => {
            let address = |url: &String| canonical(url.trim()).into_owned();
            drop_groups(&history, group.as_deref().map(group_path), url.as_ref().map(address), summary)
        }
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

/// Writes what the history is of and every file that can be read, one after the other: gzip knows what several in one mean.
fn export(history: &History, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    let (mut whole, mut outcome) = (Vec::new(), Outcome::Complete);
    for path in history.files()? {
        match read(&path) {
            Ok(_) => whole.push(path),
            Err(reason) => {
                summary.say(format!("{}: {reason}; left out", shown(&path)));
                outcome = Outcome::Partial;
            }
        }
    }
    let files = whole.len() as u64;
    let identity = history.identity()?;
    if !identity.is_empty() {
        stdout.write_all(&packed_identity(identity, files)?).map_err(Error::writing)?;
    }
    for path in &whole {
        let packed = fs::read(path).map_err(Error::file("read", path))?;
        stdout.write_all(&packed).map_err(Error::writing)?;
    }
    stdout.flush().map_err(Error::writing)?;
    summary.say(format!("{} written", counted(files, "file")));
    summary.field("files", files);
    Ok(outcome)
}

/// Takes over what is fuller, or as full and newer, than what is there. What comes after damage is lost, and said so. What was renamed
/// or dropped here is so in what comes, too.
fn import(history: &History, mut input: impl BufRead, summary: &mut Summary) -> Result<Outcome, Error> {
    let (mut found, mut taken, mut outcome) = (0, 0, Outcome::Complete);
    let reading = |source| Error::Stream { doing: "read standard input", source };
    // An empty history is exported as nothing, which gzip takes for something cut.
    let is_empty = input.fill_buf().map_err(reading)?.is_empty();
    let mut identity = history.identity()?;
    let mut announced = 0;
    for part in (!is_empty).then(|| read_all(input)).into_iter().flatten() {
        let content = part.and_then(|part| match part {
            Exported::Identity(other) => Ok(Err(other)),
            Exported::Content(mut content) => {
                for rename in &identity.renames {
                    content.rename(rename)?;
                }
                Ok(Ok(content))
            }
        });
        let content = match content {
            Ok(Ok(content)) => content,
            Ok(Err(mut other)) => {
                announced += other.files.unwrap_or(0);
                identity.renames.iter().for_each(|rename| other.rename(rename));
                identity.merge(&other).map_err(|mismatch| history.refusal(&mismatch))?;
                continue;
            }
            Err(reason) => {
                summary.say(format!("after {} {reason}; the rest is left out", counted(found, "file")));
                outcome = Outcome::Partial;
                break;
            }
        };
        found += 1;
        let Head { instance, scope, .. } = &content.head;
        if !identity.dropped.contains(&(instance.clone(), scope.clone())) {
            taken += u64::from(put_fuller(history, &content)?);
        }
    }
    if found < announced && outcome == Outcome::Complete {
        summary.say(format!("{} of {announced} arrived; the rest is cut off", counted(found, "file")));
        outcome = Outcome::Partial;
    }
    if !identity.is_empty() {
        history.write_identity(&identity)?;
    }
    summary.say(format!("{} read, {taken} taken over", counted(found, "file")));
    summary.field("files", found);
    summary.field("taken_over", taken);
    Ok(outcome)
}

/// Puts a file in its place unless what is there has as much. True when it was put there.
fn put_fuller(history: &History, content: &Content) -> Result<bool, Error> {
    let Head { instance, collector, scope, day, .. } = &content.head;
    let there = read(&history.path(instance, collector, scope, *day));
    if there.is_ok_and(|there| there.worth() >= content.worth()) {
        return Ok(false);
    }
    history.write(content)?;
    Ok(true)
}

/// The change that the flags name.
fn to_rename(url: &Option<Vec<String>>, group: &Option<Vec<String>>) -> Result<Rename, Error> {
    let (names, is_url) = match (url.as_deref(), group.as_deref()) {
        (Some(names), _) => (names, true),
        (None, names) => (names.unwrap_or_default(), false),
    };
    let [from, to] = names else {
        return Err(Error::Usage("rename takes the former name and the name now".to_owned()));
    };
    let name = |text: &String| match is_url {
        true => canonical(text.trim()).into_owned(),
        false => group_path(text),
    };
    let (from, to) = (name(from), name(to));
    if from.is_empty() || to.is_empty() || from == to {
        return Err(Error::Usage("rename takes two different names".to_owned()));
    }
    Ok(match is_url {
        true => Rename::Instance { from, to },
        false => Rename::Group { instance: None, from, to },
    })
}

fn group_path(text: &(impl AsRef<str> + ?Sized)) -> String {
    text.as_ref().trim().trim_matches('/').to_owned()
}

/// Gives everything that is kept of an address or a group its new name. Of days that are kept under both names, the fuller one stays.
fn rename(history: &History, change: &Rename, summary: &mut Summary) -> Result<Outcome, Error> {
    check_pseudonyms(history, change)?;
    let mut renamed = 0_u64;
    for found in contents(history)? {
        let (path, mut content) = found?;
        let has_changed = content.rename(change).map_err(|reason| {
            Error::Input(format!("{}: {reason}; see \"duo-metrics history verify\"", path.display()))
        })?;
        if !has_changed {
            continue;
        }
        let Head { instance, collector, scope, day, .. } = &content.head;
        if history.path(instance, collector, scope, *day) == path {
            history.write(&content)?;
        } else {
            put_fuller(history, &content)?;
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
        renamed += 1;
    }
    let mut identity = history.identity()?;
    identity.rename(change);
    history.write_identity(&identity)?;
    summary.say(match renamed {
        0 => "nothing of that name is kept; an older export is renamed when it is imported".to_owned(),
        _ => format!("{} renamed", counted(renamed, "file")),
    });
    summary.field("renamed", renamed);
    Ok(Outcome::Complete)
}

/// Fails where both addresses have pseudonyms: those of one person differ, and nothing links them.
fn check_pseudonyms(history: &History, change: &Rename) -> Result<(), Error> {
    let Rename::Instance { from, to } = change else { return Ok(()) };
    let (mut of_former, mut of_new) = (false, false);
    for found in contents(history)? {
        let (_, content) = found?;
        of_former |= content.head.instance == *from && content.has_pseudonyms();
        of_new |= content.head.instance == *to && content.has_pseudonyms();
    }
    match of_former && of_new {
        true => Err(Error::Configuration(format!(
            "pseudonyms are kept under {from} and under {to}, and nothing links those of the same person; remove one with \"duo-metrics history drop --url {to}\", then rename"
        ))),
        false => Ok(()),
    }
}

/// Removes what is kept of a group, of an address, or of a group there.
fn drop_groups(
    history: &History,
    group: Option<String>,
    url: Option<String>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let is_meant = |instance: &str, scope: &str| {
        url.as_deref().is_none_or(|url| url == instance)
            && group.as_deref().is_none_or(|group| group == scope)
    };
    let mut identity = history.identity()?;
    let mut removed = 0_u64;
    for found in contents(history)? {
        let (path, content) = found?;
        if is_meant(&content.head.instance, &content.head.scope) {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
            removed += 1;
        }
    }
    let known: Vec<(String, String)> = identity
        .instances
        .iter()
        .flat_map(|(address, known)| known.groups.keys().map(move |group| (address.clone(), group.clone())))
        .filter(|(address, group)| is_meant(address, group))
        .collect();
    if removed == 0 && known.is_empty() {
        return Err(Error::Configuration(
            "nothing of that name is kept; \"duo-metrics history list\" shows what is".to_owned(),
        ));
    }
    known.iter().for_each(|(address, group)| identity.drop(address, group));
    history.write_identity(&identity)?;
    summary.say(format!("{} removed", counted(removed, "file")));
    summary.field("removed", removed);
    Ok(Outcome::Complete)
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
    let key = pseudonyms(environment, Some(history))?;
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
