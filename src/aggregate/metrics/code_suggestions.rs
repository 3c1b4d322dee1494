//! Code suggestions: shown, accepted and rejected, in events and lines, by language and editor.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::{By, MetricSink};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{PersonId, SuggestionRow, Symbol, Usage};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Period};
use crate::model::metric::{MetricSource, Reason};
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family {
    definitions: &[
        &SHOWN,
        &ACCEPTED,
        &REJECTED,
        &ACCEPTANCE_RATE,
        &LINES_SHOWN,
        &LINES_ACCEPTED,
        &LINE_ACCEPTANCE_RATE,
        &USERS,
    ],
    compute,
};

const EVENT_SPLITS: &[&str] = &[TOTAL, "language", "ide", "language×ide", "team", "cost_center"];
const LINE_SPLITS: &[&str] = &[TOTAL, "language"];

/// The label of suggestions whose source does not report the language or the editor.
const NOT_ATTRIBUTED: &str = "(not attributed)";

const SHOWN: Definition = Definition {
    metric: "code_suggestions.shown",
    title: "Suggestions shown",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
    relations: &[Relation::Sums, Relation::same_as_event(&[], &[("event", "code_suggestion_shown_in_ide")])],
    text: "Code suggestions shown in an editor. On days whose events contain no editor, the counts by \
           editor are GitLab's own (source is gitlab_aggregate, or mixed if the days differ): each \
           suggestion on the day it was shown, with what became of it later, so they can differ from \
           the total. By team, only its people count; teams overlap, so they do not add up.",
};

const ACCEPTED: Definition = Definition {
    metric: "code_suggestions.accepted",
    title: "Suggestions accepted",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
    relations: &[
        Relation::Sums,
        Relation::same_as_event(&[], &[("event", "code_suggestion_accepted_in_ide")]),
    ],
    text: "Code suggestions accepted in an editor. By team, only its people count; teams overlap, \
           so they do not add up.",
};

const REJECTED: Definition = Definition {
    metric: "code_suggestions.rejected",
    title: "Suggestions rejected",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
    relations: &[
        Relation::Sums,
        Relation::same_as_event(&[], &[("event", "code_suggestion_rejected_in_ide")]),
    ],
    text: "Code suggestions rejected in an editor. Not every suggestion that is not accepted is \
           rejected: many are ignored. By team, only its people count; teams overlap, so they do \
           not add up.",
};

const ACCEPTANCE_RATE: Definition = Definition {
    metric: "code_suggestions.acceptance_rate",
    title: "Acceptance rate",
    unit: Unit::Share(&[
        &[CountRef::of("code_suggestions.accepted")],
        &[CountRef::of("code_suggestions.shown")],
    ]),
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
    relations: &[Relation::Statistics],
    text: "Accepted suggestions divided by shown suggestions: a ratio of sums, never a mean of \
           ratios. Without shown suggestions there is no rate. By team, only its people count; \
           teams overlap, so they do not add up.",
};

const LINES_SHOWN: Definition = Definition {
    metric: "code_suggestions.lines_shown",
    title: "Lines shown",
    unit: Unit::Lines,
    grains: ALL_GRAINS,
    by: LINE_SPLITS,
    relations: &[Relation::Sums],
    text: "Lines of code in the shown suggestions that carry a size; basis is the share of \
           suggestions that do.",
};

const LINES_ACCEPTED: Definition = Definition {
    metric: "code_suggestions.lines_accepted",
    title: "Lines accepted",
    unit: Unit::Lines,
    grains: ALL_GRAINS,
    by: LINE_SPLITS,
    relations: &[Relation::Sums],
    text: "Lines of code in the accepted suggestions that carry a size; basis is the share of \
           suggestions that do.",
};

const LINE_ACCEPTANCE_RATE: Definition = Definition {
    metric: "code_suggestions.line_acceptance_rate",
    title: "Line acceptance rate",
    unit: Unit::Share(&[
        &[CountRef::of("code_suggestions.lines_accepted")],
        &[CountRef::of("code_suggestions.lines_shown")],
    ]),
    grains: ALL_GRAINS,
    by: LINE_SPLITS,
    relations: &[Relation::Statistics],
    text: "Accepted lines divided by shown lines, over suggestions that carry a size; basis is the \
           share of suggestions that do.",
};

const USERS: Definition = Definition {
    metric: "code_suggestions.users",
    title: "People using code suggestions",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "language", "team", "cost_center"],
    relations: &[Relation::ActivePeople, Relation::SubsetOf(CountRef::of("users.active"))],
    text: "Distinct people who accepted or rejected a code suggestion. By team, only its people \
           count; teams overlap, so they do not add up.",
};

#[derive(Default)]
struct SuggestionCounts {
    shown: Usage,
    accepted: Usage,
    rejected: Usage,
    shown_to: PeopleSet,
    accepted_by: PeopleSet,
    rejected_by: PeopleSet,
    /// People with a shown or accepted suggestion that carries its size.
    sized_shown_to: PeopleSet,
    sized_accepted_by: PeopleSet,
    /// The most users of a row that GitLab counted: there are at least as many people.
    min_users: u64,
    /// Whether some counts are GitLab's own, and whether some come from events.
    is_aggregated: bool,
    is_of_events: bool,
}

/// Numbers of shown, accepted and rejected suggestions.
#[derive(Clone, Copy, Default)]
struct SuggestionRows {
    shown: u64,
    accepted: u64,
    rejected: u64,
}

/// Language and editor, and whether the counts by editor of the day are GitLab's own.
type CellKey = ([Option<Symbol>; 2], bool);

/// The counts of a period by language and editor.
#[derive(Default)]
struct Splits<'a> {
    total: SuggestionCounts,
    by_language: BTreeMap<&'a str, SuggestionCounts>,
    by_ide: BTreeMap<&'a str, SuggestionCounts>,
    by_both: BTreeMap<(&'a str, &'a str), SuggestionCounts>,
    with_language: SuggestionRows,
    /// Rows with an editor, with language and editor, and all rows of the counts by editor.
    with_ide: SuggestionRows,
    with_both: SuggestionRows,
    of_editors: SuggestionRows,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::CodeSuggestions, FAMILY.definitions) {
        return;
    }
    let replaced = days_counted_by_gitlab(view, sink.period);
    let mut by_cell: BTreeMap<CellKey, SuggestionCounts> = BTreeMap::new();
    for (day, cell, people) in view.suggestions_in(sink.period) {
        let is_replaced = !replaced.is_empty() && replaced.contains(&day);
        let counts = by_cell.entry(([cell.language, cell.ide], is_replaced)).or_default();
        counts.add(view.symbols.text(cell.event), people, |person| view.is_person(person, day));
    }
    let mut splits = Splits::default();
    for ((names, is_replaced), counts) in by_cell {
        splits.add_events(view, names, &counts);
        if !is_replaced {
            splits.add_by_editor(view, names, counts);
        }
    }
    let rows = view.suggestions_by_editor_in(sink.period).filter(|(day, _)| replaced.contains(day));
    rows.for_each(|(_, row)| {
        splits.add_by_editor(view, [row.language, row.ide], SuggestionCounts::of_row(row))
    });
    splits.emit(sink);
}

/// The days on which the events contain no editor, but GitLab counted suggestions by editor.
fn days_counted_by_gitlab(view: &View<'_>, period: Period) -> BTreeSet<Day> {
    let mut days: BTreeSet<Day> = view.suggestions_by_editor_in(period).map(|(day, _)| day).collect();
    if !days.is_empty() {
        let with_editor = view.suggestions_in(period).filter(|(_, cell, _)| cell.ide.is_some());
        let with_editor: BTreeSet<Day> = with_editor.map(|(day, ..)| day).collect();
        days.retain(|day| !with_editor.contains(day));
    }
    days
}

/// The text of a name, or the label of suggestions without one.
fn name<'a>(view: &View<'a>, name: Option<Symbol>) -> &'a str {
    name.map_or(NOT_ATTRIBUTED, |name| view.symbols.text(name))
}

impl<'a> Splits<'a> {
    /// Adds events to the counts that do not depend on the editor.
    fn add_events(&mut self, view: &View<'a>, names: [Option<Symbol>; 2], counts: &SuggestionCounts) {
        if names[0].is_some() {
            self.with_language.add(counts.rows());
        }
        self.total.add_all(counts);
        self.by_language.entry(name(view, names[0])).or_default().add_all(counts);
    }

    /// Adds events or rows of GitLab to the counts by editor.
    fn add_by_editor(&mut self, view: &View<'a>, names: [Option<Symbol>; 2], counts: SuggestionCounts) {
        let [has_language, has_ide] = names.map(|name| name.is_some());
        for (is_known, rows) in [
            (true, &mut self.of_editors),
            (has_ide, &mut self.with_ide),
            (has_language && has_ide, &mut self.with_both),
        ] {
            if is_known {
                rows.add(counts.rows());
            }
        }
        let [language, ide] = names.map(|one| name(view, one));
        self.by_ide.entry(ide).or_default().add_all(&counts);
        match self.by_both.entry((language, ide)) {
            Entry::Vacant(entry) => drop(entry.insert(counts)),
            // Both an unknown value and the label itself as a value.
            Entry::Occupied(mut both) => both.get_mut().add_all(&counts),
        }
    }

    fn emit(&self, sink: &mut MetricSink<'_, '_>) {
        self.total.emit(sink, &[], None);
        let all = self.total.rows();
        for (language, counts) in self.by_language.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(sink, &[("language", language)], Some((self.with_language, all)));
        }
        // A source that never reports the editor has no rows by editor, rather than one unknown
        // row.
        if !self.with_ide.is_any() {
            return;
        }
        for (ide, counts) in self.by_ide.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(sink, &[("ide", ide)], Some((self.with_ide, self.of_editors)));
        }
        for ((language, ide), counts) in self.by_both.iter().filter(|(_, counts)| counts.rows().is_any()) {
            let by = [("language", *language), ("ide", *ide)];
            counts.emit(sink, &by, Some((self.with_both, self.of_editors)));
        }
    }
}

impl SuggestionRows {
    fn add(&mut self, other: SuggestionRows) {
        self.shown = self.shown.saturating_add(other.shown);
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.rejected = self.rejected.saturating_add(other.rejected);
    }

    fn is_any(self) -> bool {
        self.shown > 0 || self.accepted > 0 || self.rejected > 0
    }
}

impl SuggestionCounts {
    fn add(
        &mut self,
        event: &str,
        of_users: impl Iterator<Item = (PersonId, Usage)>,
        is_person: impl Fn(PersonId) -> bool,
    ) {
        let (sum, people, mut sized) = match event {
            "code_suggestion_shown_in_ide" => {
                (&mut self.shown, &mut self.shown_to, Some(&mut self.sized_shown_to))
            }
            "code_suggestion_accepted_in_ide" => {
                (&mut self.accepted, &mut self.accepted_by, Some(&mut self.sized_accepted_by))
            }
            "code_suggestion_rejected_in_ide" => (&mut self.rejected, &mut self.rejected_by, None),
            _ => return,
        };
        self.is_of_events = true;
        for (user, usage) in of_users {
            sum.add(&usage);
            if is_person(user) {
                people.add(user);
                if let Some(sized) = sized.as_mut().filter(|_| usage.sized > 0) {
                    sized.add(user);
                }
            }
        }
    }

    /// What GitLab counted for one editor and language on one day.
    fn of_row(row: &SuggestionRow) -> SuggestionCounts {
        let usage = |events| Usage { events, ..Usage::default() };
        SuggestionCounts {
            shown: usage(row.shown),
            accepted: usage(row.accepted),
            rejected: usage(row.rejected),
            // Without their number, it is at least one.
            min_users: row.users.unwrap_or(1),
            is_aggregated: true,
            ..SuggestionCounts::default()
        }
    }

    fn add_all(&mut self, other: &SuggestionCounts) {
        self.min_users = self.min_users.max(other.min_users);
        self.is_aggregated |= other.is_aggregated;
        self.is_of_events |= other.is_of_events;
        self.shown.add(&other.shown);
        self.accepted.add(&other.accepted);
        self.rejected.add(&other.rejected);
        self.shown_to.add_all(&other.shown_to);
        self.sized_shown_to.add_all(&other.sized_shown_to);
        self.sized_accepted_by.add_all(&other.sized_accepted_by);
        self.accepted_by.add_all(&other.accepted_by);
        self.rejected_by.add_all(&other.rejected_by);
    }

    /// The kind of source, if some counts are GitLab's own.
    fn source(&self) -> Option<MetricSource> {
        let aggregated = if self.is_of_events { MetricSource::Mixed } else { MetricSource::GitlabAggregate };
        self.is_aggregated.then_some(aggregated)
    }

    fn rows(&self) -> SuggestionRows {
        SuggestionRows {
            shown: self.shown.events,
            accepted: self.accepted.events,
            rejected: self.rejected.events,
        }
    }

    /// Emits the metrics. `known` is the number of rows that carry the dimension, and of all rows:
    /// it scales the basis of values by that dimension.
    fn emit(
        &self,
        sink: &mut MetricSink<'_, '_>,
        by: By<'_>,
        known: Option<(SuggestionRows, SuggestionRows)>,
    ) {
        let scaled = |value: MetricValue, rows: fn(SuggestionRows) -> u64| match known {
            Some((with, all)) if by.iter().all(|(_, value)| *value != NOT_ATTRIBUTED) && rows(all) > 0 => {
                value.scale_basis(rows(with) as f64 / rows(all) as f64)
            }
            _ => value,
        };
        let shown_rows = |rows: SuggestionRows| rows.shown;
        let accepted_rows = |rows: SuggestionRows| rows.accepted;
        let both_rows = |rows: SuggestionRows| rows.shown.saturating_add(rows.accepted);
        let people_of = |of_events: u64| Some(of_events.max(self.min_users));
        let shown_people = people_of(self.shown_to.len());
        let accepted_people = people_of(self.accepted_by.len());
        let people = people_of(self.shown_to.union_len(&self.accepted_by));

        let source = self.source();
        let shown = scaled(MetricValue::count(self.shown.events, shown_people), shown_rows);
        sink.emit(&SHOWN, by, shown.with_source(source));
        let accepted = scaled(MetricValue::count(self.accepted.events, accepted_people), accepted_rows);
        sink.emit(&ACCEPTED, by, accepted.with_source(source));
        let rejected = MetricValue::count(self.rejected.events, people_of(self.rejected_by.len()));
        sink.emit(&REJECTED, by, scaled(rejected, |rows| rows.rejected).with_source(source));
        let rate =
            MetricValue::rate(Number::Count(self.accepted.events), Number::Count(self.shown.events), people);
        sink.emit(&ACCEPTANCE_RATE, by, scaled(rate, both_rows).with_source(source));
        if by.iter().any(|(name, _)| *name == "ide") {
            return;
        }

        let sized_people = self.sized_shown_to.union_len(&self.sized_accepted_by);
        let lines = MetricValue::count(self.shown.lines, Some(self.sized_shown_to.len()));
        let lines = lines.with_basis(self.shown.sized, self.shown.events);
        sink.emit(&LINES_SHOWN, by, scaled(lines, shown_rows));
        let lines = MetricValue::count(self.accepted.lines, Some(self.sized_accepted_by.len()));
        let lines = lines.with_basis(self.accepted.sized, self.accepted.events);
        sink.emit(&LINES_ACCEPTED, by, scaled(lines, accepted_rows));
        let rate = MetricValue::rate(
            Number::Count(self.accepted.lines),
            Number::Count(self.shown.lines),
            Some(sized_people),
        );
        let rate =
            rate.with_basis(self.shown.sized.saturating_add(self.accepted.sized), both_rows(self.rows()));
        // Suggestions were shown, but none carries its size.
        let is_unsized = self.shown.events > 0 && self.shown.sized == 0;
        let rate = if is_unsized { rate.with_reason(Reason::NotInSource) } else { rate };
        sink.emit(&LINE_ACCEPTANCE_RATE, by, scaled(rate, both_rows));
        let users = MetricValue::people(self.accepted_by.union_len(&self.rejected_by));
        sink.emit(&USERS, by, scaled(users, |rows| rows.accepted + rows.rejected));
    }
}
