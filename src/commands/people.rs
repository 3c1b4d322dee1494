//! `export --people`: the list of seats to take back, with names, for few eyes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::aggregate::ingest::Intake;
use crate::aggregate::view::Resolved;
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::{PeopleArgs, ThreadArgs};
use crate::commands::aggregate::covered;
use crate::commands::normalize::{history_named, pseudonyms};
use crate::model::line::{Line, Record};
use crate::normalize::pseudonym::{PseudonymKey, is_pseudonym};
use crate::publish::export::{Named, People, Told, Wishes};
use crate::publish::site::Dashboard;
use crate::stream::encoding::Decoder;
use crate::stream::lines::Lines;
use crate::system::files::{NewFile, check_outside_site};
use crate::system::settings::Environment;
use crate::system::summary::Summary;
use crate::system::text_file;

/// The share of unreadable lines that is borne, in percent: none. Somebody left out could lose a seat that is in use.
const MAX_REJECTS: f64 = 0.0;

/// Reads records and rollup lines, and writes the list to a file that its owner alone can read.
pub fn run(
    path: &Path,
    args: &PeopleArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    check_place(path, &args.site)?;
    let key = pseudonyms(environment, history_named(environment, None)?.as_ref())?;
    let names = match (&args.seats, &key) {
        (None, _) => BTreeMap::new(),
        (Some(seats), Some(key)) => names(seats, key, summary)?,
        (Some(_), None) => {
            return Err(Error::Usage(
                "--seats tells the names behind pseudonyms, which takes the key they were made with; set DUO_METRICS_PSEUDONYM_KEY"
                    .to_owned(),
            ));
        }
    };
    let hold = args.hold.as_deref().map(hold).transpose()?.unwrap_or_default();
    let wishes = Wishes { grace_days: args.grace_days.into(), hold, names };
    let mut file = NewFile::create(path)?;

    let mut told = Told::default();
    let mut intake = Intake::new(ThreadArgs::default().count(), false);
    let outcome = intake.read_stream(stdin, MAX_REJECTS, summary, |record| {
        if let Record::Seat(seat) = record {
            told.take(seat);
        }
        Ok(())
    })?;
    intake.finish(summary)?;
    let rollups = intake.rollups;
    let resolved = Resolved::of(&rollups);
    let (coverage, cut) = covered(&resolved, summary);
    let last_day = coverage.iter().map(|line| line.day).max();
    // The last view is that of everything.
    let view = last_day.and_then(|last_day| resolved.views(last_day).pop());
    let people = view.and_then(|view| People::of(&rollups, &coverage, &view, &told, &wishes));
    let Some(people) = people else {
        return Err(Error::Input(
            "no complete list of seats arrived; give the records or rollups of a fetch with the collector seats".to_owned(),
        ));
    };

    people.write(&mut file).map_err(Error::writing)?;
    file.keep_private()?;
    let partial = tell(&people, path, &wishes, summary);
    Ok(outcome.max(cut).max(partial))
}

/// Says what is on the list, without a name, and what is missing.
fn tell(people: &People, path: &Path, wishes: &Wishes, summary: &mut Summary) -> Outcome {
    let [seats, certain, probable] = people.counts();
    summary.say(format!(
        "wrote {}: {} by the list of {}, {certain} to take back, {probable} to ask about",
        shown(path),
        counted(seats, "seat"),
        people.listed
    ));
    if people.bots > 0 {
        summary.say(format!("{} of bots and service accounts left out", counted(people.bots, "seat")));
    }
    if people.unheld > 0 {
        let lines = counted(people.unheld, "line");
        summary.say(format!("{lines} of the file of --hold name nobody on the list"));
    }
    let mut outcome = Outcome::Complete;
    if let Some(day) = people.unknown {
        summary.say(format!(
            "not all events of {day} and maybe of days before are known; who could have been active then, and of whom GitLab tells no day, is of unknown tier"
        ));
        outcome = Outcome::Partial;
    }
    for scope in &people.unlisted {
        summary
            .say(format!("no complete list of the seats of {scope} on {}; they are left out", people.listed));
        outcome = Outcome::Partial;
    }
    if people.unnamed > 0 {
        let help = if wishes.names.is_empty() {
            "; with pseudonyms, give the seats with names (--seats)"
        } else {
            ""
        };
        summary
            .say(format!("{} of people whose user name is not known{help}", counted(people.unnamed, "seat")));
        outcome = Outcome::Partial;
    }
    for (name, count) in [("seats", seats), ("certain", certain), ("probable", probable)] {
        summary.field(name, count);
    }
    outcome
}

/// Fails where the list could be read by others than its owner.
fn check_place(path: &Path, site: &Path) -> Result<(), Error> {
    if path == Path::new("-") || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)) {
        return Err(Error::Usage(format!(
            "--people {} is no file; names are written to files that only their owner can read",
            shown(path)
        )));
    }
    let mut marks: Vec<PathBuf> =
        Dashboard::ALL.iter().map(|kind| Path::new(kind.folder()).join(Dashboard::CARD)).collect();
    marks.push(PathBuf::from(Dashboard::CARD));
    check_outside_site(path, site, &marks)
}

/// The names behind pseudonyms, from seat records that hold them.
fn names(
    path: &Path,
    key: &PseudonymKey,
    summary: &mut Summary,
) -> Result<BTreeMap<(String, String), Named>, Error> {
    let refused = |line: u64, why: &str| {
        Error::Configuration(format!("{} cannot be used: line {line}: {why}", shown(path)))
    };
    let file = File::open(path).map_err(Error::file("read", path))?;
    let mut lines = Lines::new(BufReader::new(Decoder::file(file, path)));
    let mut names: BTreeMap<(String, String), (_, Named)> = BTreeMap::new();
    while let Some(line) = lines.next_line()? {
        let mut room = None;
        let parsed = line.text.map_err(str::to_owned).and_then(|text| Line::parse_or_repair(text, &mut room));
        let seat = match parsed.map_err(|why| refused(line.number, &why))? {
            Line::Record(Record::Seat(seat)) => seat,
            Line::Raw(_) => {
                return Err(refused(
                    line.number,
                    "a raw line; pipe it through \"duo-metrics normalize\" first",
                ));
            }
            _ => continue,
        };
        if is_pseudonym(&seat.user) {
            let why = "a pseudonym; normalize it again with DUO_METRICS_PSEUDONYM_KEY unset";
            return Err(refused(line.number, why));
        }
        let named = Named { user: seat.user.to_string(), username: seat.username.map(Into::into) };
        let mut pseudonym = seat.user;
        key.replace(&seat.origin.instance, &mut pseudonym);
        let told = (seat.origin.fetched_at, named);
        let known =
            names.entry((seat.origin.instance.into(), pseudonym.into())).or_insert_with(|| told.clone());
        *known = told.max(known.clone());
    }
    if names.is_empty() {
        return Err(Error::Configuration(format!("{} cannot be used: no seat record is in it", shown(path))));
    }
    summary.field("names", names.len());
    Ok(names.into_iter().map(|(pseudonym, (_, named))| (pseudonym, named)).collect())
}

/// The entries of a list of people to hold: one a line; `#` begins a remark.
fn hold(path: &Path) -> Result<Vec<String>, Error> {
    let text = text_file::read(path)?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
}
