//! Changes what is in a history: renames, removes groups, days and people.

use std::path::{Path, PathBuf};

use crate::aggregate::history::{Head, History, Rename, day_of, read, write_to};
use crate::base::address::canonical;
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::commands::pseudonyms::pseudonym_key;
use crate::system::files::{FileChanges, remove_files};
use crate::system::settings::Environment;
use crate::system::summary::Summary;

use super::contents;
use super::transfer::write_if_more_complete;

/// The rename of the flags.
pub(super) fn rename_of(url: &Option<Vec<String>>, group: &Option<Vec<String>>) -> Result<Rename, Error> {
    let (names, is_url) = match (url.as_deref(), group.as_deref()) {
        (Some(names), _) => (names, true),
        (None, names) => (names.unwrap_or_default(), false),
    };
    let [from, to] = names else {
        return Err(Error::Usage("rename needs the former and the current name".to_owned()));
    };
    let name = |text: &String| {
        if is_url { canonical(text.trim()).into_owned() } else { group_path(text) }
    };
    let (from, to) = (name(from), name(to));
    if from.is_empty() || to.is_empty() || from == to {
        return Err(Error::Usage("rename needs two different names".to_owned()));
    }
    Ok(if is_url { Rename::Instance { from, to } } else { Rename::Group { instance: None, from, to } })
}

pub(super) fn group_path(text: &(impl AsRef<str> + ?Sized)) -> String {
    text.as_ref().trim().trim_matches('/').to_owned()
}

/// Renames a GitLab or a group in the whole history. Of days under both names, the more complete
/// one stays.
pub(super) fn rename(history: &History, change: &Rename, summary: &mut Summary) -> Result<Outcome, Error> {
    let _lock = history.lock()?;
    check_pseudonyms(history, change)?;
    let mut changes = FileChanges::default();
    let mut renamed = 0_u64;
    for found in contents(history)? {
        let (path, mut content) = found?;
        let has_changed = content.rename(change).map_err(|reason| {
            Error::Input(format!("{}: {reason}; see \"duo-metrics history verify\"", display_path(&path)))
        })?;
        if !has_changed {
            continue;
        }
        let Head { instance, collector, scope, day, .. } = &content.head;
        if history.path(instance, collector, scope, *day) == path {
            history.write(&content, &mut changes)?;
        } else {
            write_if_more_complete(history, &content, &mut changes)?;
            changes.remove(&path);
        }
        renamed += 1;
    }
    changes.apply()?;
    let mut identity = history.identity()?;
    identity.rename(change);
    history.write_identity(&identity)?;
    summary.message(match renamed {
        0 => "the history has nothing with that name; older exports are renamed when they are imported"
            .to_owned(),
        _ => format!("{} renamed", format_count(renamed, "file")),
    });
    summary.field("renamed", renamed);
    Ok(Outcome::Complete)
}

/// Fails if both URLs have pseudonyms: those of one person differ, and nothing links them.
fn check_pseudonyms(history: &History, change: &Rename) -> Result<(), Error> {
    let Rename::Instance { from, to } = change else { return Ok(()) };
    let (mut has_former, mut has_new) = (false, false);
    for found in contents(history)? {
        let (_, content) = found?;
        has_former |= content.head.instance == *from && content.has_pseudonyms();
        has_new |= content.head.instance == *to && content.has_pseudonyms();
    }
    if has_former && has_new {
        return Err(Error::Configuration(format!(
            "both {from} and {to} have pseudonyms, and nothing links those of the same person; remove one with \"duo-metrics history drop --url {to}\", then rename"
        )));
    }
    Ok(())
}

/// Removes a group, a GitLab, or a group of one GitLab.
pub(super) fn drop_groups(
    history: &History,
    group: Option<String>,
    url: Option<String>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let is_selected = |instance: &str, scope: &str| {
        url.as_deref().is_none_or(|url| url == instance)
            && group.as_deref().is_none_or(|group| group == scope)
    };
    let _lock = history.lock()?;
    let mut identity = history.identity()?;
    let (mut changes, mut removed) = (FileChanges::default(), 0_u64);
    for found in contents(history)? {
        let (path, content) = found?;
        if is_selected(&content.head.instance, &content.head.scope) {
            changes.remove(&path);
            removed += 1;
        }
    }
    changes.apply()?;
    let known: Vec<(String, String)> = identity
        .instances
        .iter()
        .flat_map(|(address, known)| known.groups.keys().map(move |group| (address.clone(), group.clone())))
        .filter(|(address, group)| is_selected(address, group))
        .collect();
    if removed == 0 && known.is_empty() {
        return Err(Error::Configuration(
            "the history has nothing with that name; \"duo-metrics history list\" shows what it has"
                .to_owned(),
        ));
    }
    known.iter().for_each(|(address, group)| identity.drop_group(address, group));
    history.write_identity(&identity)?;
    summary.message(format!("{} removed", format_count(removed, "file")));
    summary.field("removed", removed);
    Ok(Outcome::Complete)
}

/// Removes all days but the last ones, counted back from the last day in the history. Damaged files
/// age like the others: their names contain their day.
pub(super) fn prune(history: &History, keep_days: i64, summary: &mut Summary) -> Result<Outcome, Error> {
    let _lock = history.lock()?;
    let files = history.files()?;
    let last = files.iter().filter_map(|path| day_of(path)).max();
    let is_old = |path: &&PathBuf| {
        let age = last.zip(day_of(path)).map(|(last, day)| last.days_since(day));
        age.is_some_and(|age| age >= keep_days)
    };
    let damaged = history.damaged_files()?;
    let old: Vec<&Path> = files.iter().chain(&damaged).filter(is_old).map(PathBuf::as_path).collect();
    remove_files(old.iter().copied())?;
    let removed = old.len() as u64;
    let kept = (files.len() + damaged.len()) as u64 - removed;
    summary.message(format!("{} removed, {kept} kept", format_count(removed, "file")));
    summary.field("removed", removed);
    Ok(Outcome::Complete)
}

/// Removes a person from every file, also from those that were moved aside. Files that cannot be
/// read are named, and the outcome is partial: they may contain the person.
pub(super) fn forget(
    history: &History,
    user: &str,
    environment: &Environment,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let _lock = history.lock()?;
    let key = pseudonym_key(environment, Some(history))?;
    let mut changes = FileChanges::default();
    let (mut files, mut rows, mut unread) = (0_u64, 0, Vec::new());
    for path in history.files()?.into_iter().chain(history.damaged_files()?) {
        let mut content = match read(&path) {
            Ok(content) => content,
            Err(reason) => {
                unread.push(format!("{}: {reason}", display_path(&path)));
                continue;
            }
        };
        let pseudonym = key.as_ref().map(|key| key.of(&content.head.instance, user));
        let found = [Some(user), pseudonym.as_deref()].into_iter().flatten();
        let removed: Vec<u64> = found.filter_map(|user| content.forget(user)).collect();
        if !removed.is_empty() {
            write_to(&path, &content, &mut changes)?;
            files += 1;
            rows += removed.iter().sum::<u64>();
        }
    }
    changes.apply()?;
    unread.extend(
        history.other_files()?.iter().map(|path| format!("{}: not a history file", display_path(path))),
    );
    summary.message(match files {
        0 => "the history has nobody with this ID; IDs look like gid://gitlab/User/42, or hmac:… with pseudonyms"
            .to_owned(),
        _ => format!("removed {} from {}", format_count(rows, "row"), format_count(files, "file")),
    });
    for text in &unread {
        summary.warning(format!("{text}; it may contain the person; remove it if nothing else needs it"));
    }
    summary.field("rows", rows);
    summary.field("files", files);
    summary.field("unread", unread.len());
    Ok(if unread.is_empty() { Outcome::Complete } else { Outcome::Partial })
}
