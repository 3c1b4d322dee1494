//! `export --people`: writes all seats, with names and whether each is reclaimable, to a file that
//! only its owner can read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::aggregate::aggregator::report_coverage;
use crate::aggregate::ingest::Intake;
use crate::aggregate::view::Resolved;
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::cli::{PeopleArgs, ThreadArgs};
use crate::commands::pseudonyms::{existing_history, pseudonym_key};
use crate::model::line::{Line, Record};
use crate::normalize::pseudonym::{PseudonymKey, is_pseudonym};
use crate::publish::export::{PersonName, ReclaimOptions, SeatReport, UsernameIndex};
use crate::publish::site::Dashboard;
use crate::stream::encoding::Decoder;
use crate::stream::lines::LineReader;
use crate::system::files::{AtomicFile, check_outside_site};
use crate::system::settings::Environment;
use crate::system::summary::Summary;
use crate::system::text_file;

/// Maximum share of rejected lines, in percent: none, because a seat in use could be listed as
/// reclaimable.
const MAX_REJECTS: f64 = 0.0;

/// Reads records and rollup lines, and writes the list.
pub(super) fn run(
    path: &Path,
    args: &PeopleArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    check_path(path, &args.site)?;
    let key = pseudonym_key(environment, existing_history(environment, None)?.as_ref())?;
    let names = match (&args.seats, &key) {
        (None, _) => BTreeMap::new(),
        (Some(seats), Some(key)) => names(seats, key, summary)?,
        (Some(_), None) => {
            return Err(Error::Usage(
                "--seats requires the key of the pseudonyms; set DUO_METRICS_PSEUDONYM_KEY".to_owned(),
            ));
        }
    };
    let hold = args.hold.as_deref().map(held_users).transpose()?.unwrap_or_default();
    let options = ReclaimOptions { grace_days: args.grace_days.into(), hold, names };
    let mut file = AtomicFile::create(path)?;

    let mut usernames = UsernameIndex::default();
    let mut intake = Intake::new(ThreadArgs::default().count(), false);
    let outcome = intake.read_stream(stdin, MAX_REJECTS, summary, |record| {
        if let Record::Seat(seat) = record {
            usernames.add(seat);
        }
        Ok(())
    })?;
    intake.finish(summary)?;
    let rollups = intake.rollups;
    let resolved = Resolved::of(&rollups);
    let (coverage, coverage_outcome) = report_coverage(&resolved, summary);
    let last_day = coverage.iter().map(|line| line.day).max();
    // The last view contains all groups.
    let view = last_day.and_then(|last_day| resolved.views(last_day).pop());
    let seats = view.and_then(|view| SeatReport::of(&rollups, &coverage, &view, &usernames, &options));
    let Some(seats) = seats else {
        return Err(Error::Input(
            "the input has no complete list of seats; use records or rollup lines of a fetch with the collector seats"
                .to_owned(),
        ));
    };

    seats.write(&mut file).map_err(Error::writing)?;
    file.commit()?;
    let report_outcome = report(&seats, path, &options, summary);
    Ok(outcome.max(coverage_outcome).max(report_outcome))
}

/// Reports the size of the list, without names, and what is missing from it.
fn report(report: &SeatReport, path: &Path, options: &ReclaimOptions, summary: &mut Summary) -> Outcome {
    let [seats, certain, probable] = report.counts();
    summary.message(format!(
        "wrote {}: {} on the list of {}, {certain} reclaimable, {probable} to ask about",
        display_path(path),
        format_count(seats, "seat"),
        report.list_taken_on
    ));
    if report.bots > 0 {
        let seats = format_count(report.bots, "seat");
        summary.message(format!("left out {seats} of bots and service accounts"));
    }
    if report.unmatched_holds > 0 {
        let lines = format_count(report.unmatched_holds, "line");
        summary.message(format!("no seat on the list matches {lines} of the file of --hold"));
    }
    let mut outcome = Outcome::Complete;
    if let Some(day) = report.incomplete_day {
        summary.warning(format!(
            "the events of {day} and possibly of earlier days are incomplete; the tier of people who may have been active then is unknown"
        ));
        outcome = Outcome::Partial;
    }
    for scope in &report.scopes_without_list {
        summary.warning(format!(
            "there is no complete list of the seats of {scope} on {}; they are left out",
            report.list_taken_on
        ));
        outcome = Outcome::Partial;
    }
    if report.without_username > 0 {
        let help =
            if options.names.is_empty() { "; to find the names behind pseudonyms, add --seats" } else { "" };
        let seats = format_count(report.without_username, "seat");
        summary.warning(format!("{seats} of people whose user name is not known{help}"));
        outcome = Outcome::Partial;
    }
    for (name, count) in [("seats", seats), ("certain", certain), ("probable", probable)] {
        summary.field(name, count);
    }
    outcome
}

/// Fails if others than the owner could read a file at this path.
fn check_path(path: &Path, site: &Path) -> Result<(), Error> {
    if path == Path::new("-") || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)) {
        return Err(Error::Usage(format!(
            "--people {} is not a file; names are only written to files that only their owner can read",
            display_path(path)
        )));
    }
    let mut marks: Vec<PathBuf> =
        Dashboard::ALL.iter().map(|kind| Path::new(kind.folder()).join(Dashboard::CARD)).collect();
    marks.push(PathBuf::from(Dashboard::CARD));
    check_outside_site(path, site, &marks)
}

/// The people behind pseudonyms, by (instance, pseudonym), from seat records with names. Of several
/// records of a person, the newest counts.
fn names(
    path: &Path,
    key: &PseudonymKey,
    summary: &mut Summary,
) -> Result<BTreeMap<(String, String), PersonName>, Error> {
    let invalid = |line: u64, reason: &str| {
        Error::Configuration(format!("cannot use {}: line {line}: {reason}", display_path(path)))
    };
    let file = File::open(path).map_err(Error::file("read", path))?;
    let mut lines = LineReader::new(BufReader::new(Decoder::file(file, path)));
    let mut names: BTreeMap<(String, String), (_, PersonName)> = BTreeMap::new();
    while let Some(line) = lines.next_line()? {
        let mut room = None;
        let parsed = line.text.map_err(str::to_owned).and_then(|text| Line::parse_or_repair(text, &mut room));
        let seat = match parsed.map_err(|reason| invalid(line.number, &reason))? {
            Line::Record(Record::Seat(seat)) => seat,
            Line::Raw(_) => {
                let reason = "a raw line; pipe it through \"duo-metrics normalize\" first";
                return Err(invalid(line.number, reason));
            }
            _ => continue,
        };
        if is_pseudonym(&seat.user) {
            let reason = "a pseudonym; normalize the seats again without DUO_METRICS_PSEUDONYM_KEY";
            return Err(invalid(line.number, reason));
        }
        let name = PersonName { user: seat.user.to_string(), username: seat.username.map(Into::into) };
        let mut pseudonym = seat.user;
        key.replace(&seat.origin.instance, &mut pseudonym);
        let found = (seat.origin.fetched_at, name);
        let newest =
            names.entry((seat.origin.instance.into(), pseudonym.into())).or_insert_with(|| found.clone());
        *newest = found.max(newest.clone());
    }
    if names.is_empty() {
        let path = display_path(path);
        return Err(Error::Configuration(format!("cannot use {path}: it has no seat record")));
    }
    summary.field("names", names.len());
    Ok(names.into_iter().map(|(pseudonym, (_, name))| (pseudonym, name)).collect())
}

/// The users in a file of --hold: one per line; `#` starts a comment.
fn held_users(path: &Path) -> Result<Vec<String>, Error> {
    let text = text_file::read(path)?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
}
