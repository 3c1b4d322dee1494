//! The list of seats and of who has them, to decide which to take back. It names people: no part of it is published.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use crate::aggregate::metrics::idle::{Evidence, Tier, held, last_unknown, unbroken};
use crate::aggregate::rollup::{Name, PersonId, Rollups, Target};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::model::record::{Coverage, Seat, Status};
use crate::publish::spreadsheet::Sheet;

/// The collector of the lists.
const SEATS: &str = "seats";

/// Days up to which the newest events may be older than the list: a run of today reports yesterday.
const MOST_DAYS_BEFORE_LIST: i64 = 2;

/// What people with a seat are called, by the seat records.
#[derive(Debug, Default)]
pub struct Told {
    /// The user name by instance and user, and when it was told.
    names: HashMap<(String, String), (Timestamp, String)>,
}

/// A name behind a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The user's global id.
    pub user: String,
    /// The user name.
    pub username: Option<String>,
}

/// What is decided by whoever asks for the list.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Days for which a seat has to be known before it is taken back.
    pub grace_days: i64,
    /// Users whose seat is never taken back, by user name, global id or number.
    pub hold: Vec<String>,
    /// The names behind pseudonyms, by instance and pseudonym.
    pub names: BTreeMap<(String, String), Named>,
}

/// Whether a seat can be taken back, and why or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reclaim {
    Yes,
    Ask,
    No(&'static str),
}

/// The newest complete list of seats.
#[derive(Debug)]
pub struct People {
    /// The day the list was taken.
    pub listed: Day,
    /// The day on which seats are judged: the last one with events, if it is of the days before the list.
    pub judged_on: Day,
    /// The last day, within those that matter, of which not all events are known.
    pub unknown: Option<Day>,
    /// Groups without a complete list of that day.
    pub unlisted: Vec<String>,
    /// Seats of bots and service accounts, which are left out.
    pub bots: u64,
    /// Entries of `hold` that are nobody's on the list.
    pub unheld: u64,
    /// Seats of people whose name is not known.
    pub unnamed: u64,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    instance: String,
    add_on: String,
    name: Named,
    tier: Option<Tier>,
    reclaim: Reclaim,
    days_idle: Option<i64>,
    last_activity: Option<Day>,
    last_deliberate: Option<Day>,
    since: Day,
}

/// The headings of the list.
const HEADINGS: [&str; 13] = [
    "instance",
    "add_on",
    "user",
    "username",
    "tier",
    "reclaim",
    "reason",
    "days_idle",
    "last_activity_on",
    "last_deliberate_event_on",
    "first_seen_with_seat_on",
    "judged_on",
    "list_taken_on",
];

impl Told {
    /// Takes the name from a seat record. Of several the newest counts.
    pub fn take(&mut self, seat: &Seat<'_>) {
        let Some(name) = &seat.username else { return };
        let told = (seat.origin.fetched_at, name.to_string());
        let known = self.names.entry((seat.origin.instance.to_string(), seat.user.to_string()));
        let known = known.or_insert_with(|| told.clone());
        if *known < told {
            *known = told;
        }
    }
}

impl People {
    /// The list; `None` when no complete one came. `coverage` is what [`crate::aggregate::view::Resolved::coverage`] says, `view` the one
    /// of everything.
    pub fn of(
        rollups: &Rollups,
        coverage: &[Coverage],
        view: &View<'_>,
        told: &Told,
        wishes: &Wishes,
    ) -> Option<People> {
        let lists: Vec<&Coverage> = coverage.iter().filter(|line| line.collector == SEATS).collect();
        let complete = lists.iter().filter(|line| line.status == Status::Complete);
        let listed = complete.clone().map(|line| line.day).max()?;
        let scope_of = |line: &&&Coverage| (line.instance.clone(), line.scope.clone());
        let with_list: BTreeSet<_> =
            complete.clone().filter(|line| line.day == listed).map(|line| scope_of(&line)).collect();
        let all: BTreeSet<_> = lists.iter().map(|line| scope_of(&line)).collect();

        let mut since: BTreeMap<(Name, Name, PersonId), Day> = BTreeMap::new();
        for (instance, scope) in &with_list {
            let of_scope = complete.clone().filter(|line| (&line.instance, &line.scope) == (instance, scope));
            for (seat, day) in seats_of(rollups, of_scope.copied()) {
                let first = since.entry(seat).or_insert(day);
                *first = day.min(*first);
            }
        }

        let activity = Activity::of(view);
        let judged_on = activity
            .last_day
            .filter(|day| (0..=MOST_DAYS_BEFORE_LIST).contains(&listed.days_since(*day)))
            .unwrap_or(listed);
        let unknown = last_unknown(view, judged_on);
        let held = held(view, listed);
        let mut people = People {
            listed,
            judged_on,
            unknown,
            unlisted: all.difference(&with_list).map(|(_, scope)| scope.clone()).collect(),
            bots: 0,
            unheld: 0,
            unnamed: 0,
            rows: Vec::new(),
        };
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        for ((instance, add_on, person), since) in since {
            if view.is_bot(person, listed) {
                people.bots += 1;
                continue;
            }
            let key = (rollups.names.text(instance).to_owned(), rollups.people.user(person).to_owned());
            let name = wishes.names.get(&key).cloned().unwrap_or_else(|| Named {
                user: key.1.clone(),
                username: told.names.get(&key).map(|(_, name)| name.clone()),
            });
            let evidence = Evidence {
                told: view.last_told.get(&person).copied(),
                seen: activity.seen.get(&person).copied(),
                // Who changed from one add-on to another has been able to use one of them.
                since: held.get(&person).map_or(since, |held| held.since.min(since)),
            };
            let tier = evidence.tier(judged_on, unknown);
            let holds = wishes.hold.iter().enumerate().filter(|(_, entry)| is_meant(entry, &name));
            let entries: Vec<usize> = holds.map(|(at, _)| at).collect();
            people.unnamed += u64::from(name.username.is_none());
            let reclaim = match tier {
                _ if !entries.is_empty() => Reclaim::No("held"),
                // Whether somebody without a name is on a list of names, nobody can say.
                _ if !wishes.hold.is_empty() && name.username.is_none() => Reclaim::No("no name to look up"),
                None => Reclaim::No("days are not known"),
                Some(Tier::Active) => Reclaim::No("in use"),
                Some(Tier::New) => Reclaim::No("new"),
                Some(_) if judged_on.days_since(since).max(0) < wishes.grace_days => Reclaim::No("in grace"),
                Some(Tier::Probable) => Reclaim::Ask,
                Some(Tier::Certain) => Reclaim::Yes,
            };
            kept.extend(entries);
            people.rows.push(Row {
                instance: key.0,
                add_on: rollups.names.text(add_on).to_owned(),
                name,
                tier,
                reclaim,
                days_idle: tier.and(evidence.last()).map(|last| judged_on.days_since(last).max(0)),
                last_activity: evidence.last(),
                last_deliberate: activity.deliberate.get(&person).copied(),
                since,
            });
        }
        people.unheld = (wishes.hold.len() - kept.len()) as u64;
        people.rows.sort_by(|one, other| one.key().cmp(&other.key()));
        Some(people)
    }

    /// How many seats there are, and how many could be taken back, certainly and after asking.
    pub fn counts(&self) -> [u64; 3] {
        let count = |reclaim| self.rows.iter().filter(|row| row.reclaim == reclaim).count() as u64;
        [self.rows.len() as u64, count(Reclaim::Yes), count(Reclaim::Ask)]
    }

    /// Writes the list as CSV.
    pub fn write(&self, output: impl Write) -> io::Result<()> {
        let mut sheet = Sheet::new(output);
        sheet.row(HEADINGS)?;
        for row in &self.rows {
            let (reclaim, reason) = match row.reclaim {
                Reclaim::Yes => ("yes", "idle"),
                Reclaim::Ask => ("ask", "probably idle"),
                Reclaim::No(reason) => ("no", reason),
            };
            sheet.cell(&row.instance)?;
            sheet.cell(&row.add_on)?;
            sheet.cell(&row.name.user)?;
            sheet.cell(row.name.username.as_deref().unwrap_or_default())?;
            sheet.cell(row.tier.map_or("unknown", Tier::as_str))?;
            sheet.cell(reclaim)?;
            sheet.cell(reason)?;
            sheet.value(row.days_idle)?;
            for day in [row.last_activity, row.last_deliberate, Some(row.since)] {
                sheet.value(day)?;
            }
            sheet.value(Some(self.judged_on))?;
            sheet.value(Some(self.listed))?;
            sheet.end_row()?;
        }
        sheet.flush()
    }
}

impl Row {
    fn key(&self) -> (&str, &str, &Named) {
        (&self.instance, &self.add_on, &self.name)
    }
}

/// When people were seen.
struct Activity {
    seen: HashMap<PersonId, Day>,
    deliberate: HashMap<PersonId, Day>,
    last_day: Option<Day>,
}

impl Activity {
    fn of(view: &View<'_>) -> Activity {
        let mut activity = Activity { seen: HashMap::new(), deliberate: HashMap::new(), last_day: None };
        let days =
            [Source::Usage, Source::CodeSuggestions].into_iter().filter_map(|source| view.days_of(source));
        let first = days.clone().filter_map(|days| days.keys().next().copied()).min();
        activity.last_day = days.filter_map(|days| days.keys().next_back().copied()).max();
        let (Some(start), Some(end)) = (first, activity.last_day) else { return activity };
        let ever = Period { start, end, grain: Grain::Window };
        for (day, cell, entries) in view.usage_in(ever).chain(view.suggestions_in(ever)) {
            for (person, _) in entries {
                let later = |last: &mut Day| *last = day.max(*last);
                activity.seen.entry(person).and_modify(later).or_insert(day);
                if cell.is_deliberate {
                    activity.deliberate.entry(person).and_modify(later).or_insert(day);
                }
            }
        }
        activity
    }
}

/// Who has a seat of which add-on by the newest of these lists of a scope, and the day of the first list from which on they
/// had it in every one.
fn seats_of<'a>(
    rollups: &Rollups,
    lists: impl Iterator<Item = &'a Coverage>,
) -> HashMap<(Name, Name, PersonId), Day> {
    let mut lists: Vec<&Coverage> = lists.collect();
    lists.sort_by_key(|line| line.day);
    let seats = |line: &&Coverage| {
        let find = |text: &str| rollups.names.find(text);
        let target = Target {
            instance: find(&line.instance)?,
            collector: find(&line.collector)?,
            scope: find(&line.scope)?,
            day: line.day,
        };
        let fetch = rollups.fetches.get(&target)?.get(&line.fetched_at?)?;
        let of_add_on = |(add_on, people): (&Name, &BTreeSet<PersonId>)| {
            let key = |person: &PersonId| (target.instance, *add_on, *person);
            people.iter().map(key).collect::<Vec<_>>()
        };
        Some((line.day, fetch.seats.iter().flat_map(of_add_on).collect()))
    };
    unbroken(lists.iter().filter_map(seats))
}

/// Whether an entry of the list of people to hold means this person.
fn is_meant(entry: &str, name: &Named) -> bool {
    let number = name.user.rsplit('/').next().unwrap_or_default();
    let is_name = |username: &String| username.to_lowercase() == entry.trim_start_matches('@').to_lowercase();
    entry == name.user || entry == number || name.username.as_ref().is_some_and(is_name)
}
