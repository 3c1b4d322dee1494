//! The restricted list of seats and seat holders, to decide which seats to reclaim. It contains
//! names, so no part of it is published.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use crate::aggregate::metrics::idle::{
    Evidence, SeatTenure, Tier, continuous_since, last_incomplete_day, seat_tenures,
};
use crate::aggregate::rollup::{PersonId, Rollups, Symbol, Target};
use crate::aggregate::view::{LastActivity, Source, View, last_day_used};
use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::model::coverage::{Coverage, Status};
use crate::model::record::Seat;
use crate::publish::spreadsheet::CsvWriter;

/// The collector of seat lists.
const SEATS: &str = "seats";

/// The newest events can be this many days older than the list: today's run reports yesterday.
const MAX_DAYS_BEFORE_LIST: i64 = 2;

/// The user names of seat holders, from the seat records.
#[derive(Debug, Default)]
pub struct UsernameIndex {
    /// By (instance, user): when it was fetched, and the user name.
    names: HashMap<(String, String), (Timestamp, String)>,
}

/// The person behind a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonName {
    /// The user's global id.
    pub user: String,
    /// The user name.
    pub username: Option<String>,
}

/// What the caller decides about the list.
#[derive(Debug, Default)]
pub struct ReclaimOptions {
    /// Minimum of days since a seat was first listed before it is reclaimable.
    pub grace_days: i64,
    /// Users who always keep their seat: user name, global id or the number in it.
    pub hold: Vec<String>,
    /// The people behind pseudonyms, by (instance, pseudonym).
    pub names: BTreeMap<(String, String), PersonName>,
}

/// Whether a seat is reclaimable, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reclaim {
    Yes,
    Ask,
    No(&'static str),
}

/// The seats on the newest complete list, each with a recommendation.
#[derive(Debug)]
pub struct SeatReport {
    /// The day the list was taken.
    pub list_taken_on: Day,
    /// The day for which idleness is computed: the last day with events, if it is close to the
    /// list.
    pub judged_on: Day,
    /// The last missing or partial day among those that matter.
    pub incomplete_day: Option<Day>,
    /// Groups without a complete list on that day.
    pub scopes_without_list: Vec<String>,
    /// Seats of bots and service accounts, which are left out.
    pub bots: u64,
    /// Entries of [`ReclaimOptions::hold`] that match no seat.
    pub unmatched_holds: u64,
    /// Seats of people without a known user name.
    pub without_username: u64,
    rows: Vec<SeatRow>,
}

/// The instance, the add-on and the person of a seat.
type SeatKey = (Symbol, Symbol, PersonId);

#[derive(Debug)]
struct SeatRow {
    instance: String,
    add_on: String,
    name: PersonName,
    tier: Option<Tier>,
    reclaim: Reclaim,
    days_idle: Option<i64>,
    last_activity: Option<Day>,
    last_intentional: Option<Day>,
    since: Day,
}

/// The columns of the list.
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

impl Reclaim {
    /// The recommendation for a seat of this tier, without grace days and hold list.
    fn of(tier: Option<Tier>) -> Reclaim {
        match tier {
            None => Reclaim::No("days are not known"),
            Some(Tier::Active) => Reclaim::No("in use"),
            Some(Tier::New) => Reclaim::No("new"),
            Some(Tier::Probable) => Reclaim::Ask,
            Some(Tier::Certain) => Reclaim::Yes,
        }
    }
}

impl ReclaimOptions {
    /// The person behind a pseudonym or, if unknown, the user itself with its username.
    fn name_of(&self, instance: &str, user: &str, usernames: &UsernameIndex) -> PersonName {
        let key = (instance.to_owned(), user.to_owned());
        let username = || usernames.names.get(&key).map(|(_, name)| name.clone());
        let as_listed = || PersonName { user: user.to_owned(), username: username() };
        self.names.get(&key).cloned().unwrap_or_else(as_listed)
    }
}

impl UsernameIndex {
    /// Adds the user name of a seat record; the newest of several counts.
    pub fn add(&mut self, seat: &Seat<'_>) {
        let Some(name) = &seat.username else { return };
        let entry = (seat.origin.fetched_at, name.to_string());
        let known = self.names.entry((seat.origin.instance.to_string(), seat.user.to_string()));
        let known = known.or_insert_with(|| entry.clone());
        if *known < entry {
            *known = entry;
        }
    }
}

impl SeatReport {
    /// The report of the newest complete list, or `None` if there is no complete list. `coverage`
    /// are the lines of [`Resolved::coverage`], and `view` is the union of all scopes.
    ///
    /// [`Resolved::coverage`]: crate::aggregate::view::Resolved::coverage
    pub fn of(
        rollups: &Rollups,
        coverage: &[Coverage],
        view: &View<'_>,
        usernames: &UsernameIndex,
        options: &ReclaimOptions,
    ) -> Option<SeatReport> {
        let SeatLists { taken_on: list_taken_on, mut seats, scopes_without_list } =
            SeatLists::of(rollups, coverage)?;
        if view.is_of_members() {
            // The view has the events of members only: the seats of others would appear idle.
            let list = view.lists().take_while(|list| list.taken_on <= list_taken_on).last();
            seats.retain(|(_, _, person), _| list.is_some_and(|list| list.holders.contains(person)));
        }
        let last_seen = LastSeen::of(view);
        let judged_on = last_seen
            .last_day
            .filter(|day| (0..=MAX_DAYS_BEFORE_LIST).contains(&list_taken_on.days_since(*day)))
            .unwrap_or(list_taken_on);
        let incomplete_day = last_incomplete_day(view, judged_on);
        let tenures = seat_tenures(view, list_taken_on);
        let reported = view.last_activity(last_day_used(view.until));
        let judge = SeatJudge {
            rollups,
            usernames,
            options,
            last_seen,
            reported,
            tenures,
            judged_on,
            incomplete_day,
        };
        let (bots, of_people): (Vec<_>, Vec<_>) =
            seats.into_iter().partition(|((_, _, person), _)| view.is_bot(*person, list_taken_on));
        let mut rows: Vec<SeatRow> =
            of_people.into_iter().map(|(seat, since)| judge.row_of(seat, since)).collect();
        rows.sort_by(|one, other| one.key().cmp(&other.key()));
        let matches_none = |entry: &&String| !rows.iter().any(|row| matches_entry(&row.name, entry));
        Some(SeatReport {
            list_taken_on,
            judged_on,
            incomplete_day,
            scopes_without_list,
            bots: bots.len() as u64,
            unmatched_holds: options.hold.iter().filter(matches_none).count() as u64,
            without_username: rows.iter().filter(|row| row.name.username.is_none()).count() as u64,
            rows,
        })
    }

    /// The number of seats, of reclaimable seats, and of probably idle seats to ask about.
    pub fn counts(&self) -> [u64; 3] {
        let count = |reclaim| self.rows.iter().filter(|row| row.reclaim == reclaim).count() as u64;
        [self.rows.len() as u64, count(Reclaim::Yes), count(Reclaim::Ask)]
    }

    /// Writes the list as CSV.
    pub fn write(&self, output: impl Write) -> io::Result<()> {
        let mut writer = CsvWriter::new(output);
        writer.row(HEADINGS)?;
        for row in &self.rows {
            let (reclaim, reason) = match row.reclaim {
                Reclaim::Yes => ("yes", "idle"),
                Reclaim::Ask => ("ask", "probably idle"),
                Reclaim::No(reason) => ("no", reason),
            };
            writer.label(&row.instance)?;
            writer.label(&row.add_on)?;
            writer.label(&row.name.user)?;
            writer.label(row.name.username.as_deref().unwrap_or_default())?;
            writer.label(row.tier.map_or("unknown", Tier::as_str))?;
            writer.label(reclaim)?;
            writer.label(reason)?;
            writer.value(row.days_idle)?;
            for day in [row.last_activity, row.last_intentional, Some(row.since)] {
                writer.value(day)?;
            }
            writer.value(Some(self.judged_on))?;
            writer.value(Some(self.list_taken_on))?;
            writer.end_row()?;
        }
        writer.flush()
    }
}

impl SeatRow {
    fn key(&self) -> (&str, &str, &PersonName) {
        (&self.instance, &self.add_on, &self.name)
    }
}

/// Recommends what to do with each seat.
struct SeatJudge<'a> {
    rollups: &'a Rollups,
    usernames: &'a UsernameIndex,
    options: &'a ReclaimOptions,
    last_seen: LastSeen,
    reported: HashMap<PersonId, LastActivity>,
    tenures: HashMap<PersonId, SeatTenure>,
    judged_on: Day,
    incomplete_day: Option<Day>,
}

impl SeatJudge<'_> {
    /// The row of a seat that every list since that day contains.
    fn row_of(&self, (instance, add_on, person): SeatKey, since: Day) -> SeatRow {
        let instance = self.rollups.symbols.text(instance).to_owned();
        let user = self.rollups.people.user(person);
        let name = self.options.name_of(&instance, user, self.usernames);
        let evidence = Evidence {
            reported: self.reported.get(&person).copied(),
            seen: self.last_seen.any.get(&person).copied(),
            // People who changed the add-on had one to use all the time.
            since: self.tenures.get(&person).map_or(since, |tenure| tenure.since.min(since)),
        };
        let tier = evidence.tier(self.judged_on, self.incomplete_day);
        SeatRow {
            instance,
            add_on: self.rollups.symbols.text(add_on).to_owned(),
            tier,
            reclaim: self.reclaim(&name, tier, since),
            name,
            days_idle: tier.and(evidence.last()).map(|last| self.judged_on.days_since(last).max(0)),
            last_activity: evidence.last(),
            last_intentional: self.last_seen.intentional.get(&person).copied(),
            since,
        }
    }

    /// The recommendation for a seat of this person and tier, with grace days and hold list.
    fn reclaim(&self, name: &PersonName, tier: Option<Tier>, since: Day) -> Reclaim {
        let ReclaimOptions { hold, grace_days, .. } = self.options;
        match tier {
            _ if hold.iter().any(|entry| matches_entry(name, entry)) => Reclaim::No("held"),
            // Without a user name, the entries of the hold list cannot be matched.
            _ if !hold.is_empty() && name.username.is_none() => Reclaim::No("no name to look up"),
            Some(Tier::Probable | Tier::Certain) if self.judged_on.days_since(since).max(0) < *grace_days => {
                Reclaim::No("in grace")
            }
            _ => Reclaim::of(tier),
        }
    }
}

/// The seats on the newest complete lists.
struct SeatLists {
    taken_on: Day,
    /// Each seat, and the day since when every list contains it.
    seats: BTreeMap<SeatKey, Day>,
    scopes_without_list: Vec<String>,
}

impl SeatLists {
    /// `None` if there is no complete list.
    fn of(rollups: &Rollups, coverage: &[Coverage]) -> Option<SeatLists> {
        let lists: Vec<&Coverage> = coverage.iter().filter(|line| line.collector == SEATS).collect();
        let complete = lists.iter().filter(|line| line.status == Status::Complete);
        let taken_on = complete.clone().map(|line| line.day).max()?;
        let scope_of = |line: &&&Coverage| (line.instance.clone(), line.scope.clone());
        let with_list: BTreeSet<_> =
            complete.clone().filter(|line| line.day == taken_on).map(|line| scope_of(&line)).collect();
        let all: BTreeSet<_> = lists.iter().map(|line| scope_of(&line)).collect();

        let mut seats: BTreeMap<SeatKey, Day> = BTreeMap::new();
        for (instance, scope) in &with_list {
            let of_scope = complete.clone().filter(|line| (&line.instance, &line.scope) == (instance, scope));
            for (seat, since) in seats_of(rollups, of_scope.copied()) {
                let first = seats.entry(seat).or_insert(since);
                *first = since.min(*first);
            }
        }
        let scopes_without_list = all.difference(&with_list).map(|(_, scope)| scope.clone()).collect();
        Some(SeatLists { taken_on, seats, scopes_without_list })
    }
}

/// The last days on which people had events.
struct LastSeen {
    /// With any event.
    any: HashMap<PersonId, Day>,
    /// With an event of intentional use.
    intentional: HashMap<PersonId, Day>,
    /// The last day with data.
    last_day: Option<Day>,
}

impl LastSeen {
    fn of(view: &View<'_>) -> LastSeen {
        let mut last_seen = LastSeen { any: HashMap::new(), intentional: HashMap::new(), last_day: None };
        let days =
            [Source::Usage, Source::CodeSuggestions].into_iter().filter_map(|source| view.days_of(source));
        let first = days.clone().filter_map(|days| days.keys().next().copied()).min();
        last_seen.last_day = days.filter_map(|days| days.keys().next_back().copied()).max();
        let (Some(start), Some(end)) = (first, last_seen.last_day) else { return last_seen };
        let ever = Period { start, end, grain: Grain::Window };
        for (day, cell, entries) in view.usage_in(ever).chain(view.suggestions_in(ever)) {
            for (person, _) in entries {
                let later = |last: &mut Day| *last = day.max(*last);
                last_seen.any.entry(person).and_modify(later).or_insert(day);
                if cell.is_intentional {
                    last_seen.intentional.entry(person).and_modify(later).or_insert(day);
                }
            }
        }
        last_seen
    }
}

/// The seats on the newest of these lists of a scope, and the day since when every list contains
/// them.
fn seats_of<'a>(rollups: &Rollups, lists: impl Iterator<Item = &'a Coverage>) -> HashMap<SeatKey, Day> {
    let mut lists: Vec<&Coverage> = lists.collect();
    lists.sort_by_key(|line| line.day);
    let seats = |line: &&Coverage| {
        let find = |text: &str| rollups.symbols.find(text);
        let target = Target {
            instance: find(&line.instance)?,
            collector: find(&line.collector)?,
            scope: find(&line.scope)?,
            day: line.day,
        };
        let fetch = rollups.fetches.get(&target)?.get(&line.fetched_at?)?;
        let of_add_on = |(add_on, people): (&Symbol, &BTreeSet<PersonId>)| {
            let key = |person: &PersonId| (target.instance, *add_on, *person);
            people.iter().map(key).collect::<Vec<_>>()
        };
        Some((line.day, fetch.seats.iter().flat_map(of_add_on).collect()))
    };
    continuous_since(lists.iter().filter_map(seats))
}

/// Whether an entry of the hold list is this person.
fn matches_entry(name: &PersonName, entry: &str) -> bool {
    let number = name.user.rsplit('/').next().unwrap_or_default();
    let is_name = |username: &String| username.to_lowercase() == entry.trim_start_matches('@').to_lowercase();
    entry == name.user || entry == number || name.username.as_ref().is_some_and(is_name)
}
