//! Code suggestions: shown, accepted and rejected, in events and lines, by language and editor.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::sink::{By, MetricSink};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{PersonId, Symbol, Usage};
use crate::aggregate::view::{Source, View};
use crate::model::metric::Reason;
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
    text: "Code suggestions shown in an editor. By team, only its people count; teams overlap, so \
           they do not add up.",
};

const ACCEPTED: Definition = Definition {
    metric: "code_suggestions.accepted",
    title: "Suggestions accepted",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
    text: "Code suggestions accepted in an editor. By team, only its people count; teams overlap, \
           so they do not add up.",
};

const REJECTED: Definition = Definition {
    metric: "code_suggestions.rejected",
    title: "Suggestions rejected",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: EVENT_SPLITS,
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
    text: "Lines of code in the shown suggestions that carry a size; basis is the share of \
           suggestions that do.",
};

const LINES_ACCEPTED: Definition = Definition {
    metric: "code_suggestions.lines_accepted",
    title: "Lines accepted",
    unit: Unit::Lines,
    grains: ALL_GRAINS,
    by: LINE_SPLITS,
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
    text: "Accepted lines divided by shown lines, over suggestions that carry a size; basis is the \
           share of suggestions that do.",
};

const USERS: Definition = Definition {
    metric: "code_suggestions.users",
    title: "People using code suggestions",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "language", "team", "cost_center"],
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
}

/// Numbers of shown, accepted and rejected suggestions.
#[derive(Clone, Copy, Default)]
struct SuggestionRows {
    shown: u64,
    accepted: u64,
    rejected: u64,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::CodeSuggestions, FAMILY.definitions) {
        return;
    }
    let mut by_cell: BTreeMap<[Option<Symbol>; 2], SuggestionCounts> = BTreeMap::new();
    for (day, cell, people) in view.suggestions_in(sink.period) {
        let counts = by_cell.entry([cell.language, cell.ide]).or_default();
        counts.add(view.symbols.text(cell.event), people, |person| view.is_person(person, day));
    }
    let mut total = SuggestionCounts::default();
    let mut by_language: BTreeMap<&str, SuggestionCounts> = BTreeMap::new();
    let mut by_ide: BTreeMap<&str, SuggestionCounts> = BTreeMap::new();
    let mut by_both: BTreeMap<(&str, &str), SuggestionCounts> = BTreeMap::new();
    let (mut with_language, mut with_ide, mut with_both) =
        (SuggestionRows::default(), SuggestionRows::default(), SuggestionRows::default());
    for ([language, ide], counts) in by_cell {
        for (is_known, rows) in [
            (language.is_some(), &mut with_language),
            (ide.is_some(), &mut with_ide),
            (language.is_some() && ide.is_some(), &mut with_both),
        ] {
            if is_known {
                rows.add(counts.rows());
            }
        }
        let [language, ide] =
            [language, ide].map(|name| name.map_or(NOT_ATTRIBUTED, |name| view.symbols.text(name)));
        for sum in [&mut total, by_language.entry(language).or_default(), by_ide.entry(ide).or_default()] {
            sum.add_all(&counts);
        }
        match by_both.entry((language, ide)) {
            Entry::Vacant(entry) => drop(entry.insert(counts)),
            // Both an unknown value and the label itself as a value.
            Entry::Occupied(mut both) => both.get_mut().add_all(&counts),
        }
    }
    total.emit(sink, &[], None);
    let all = total.rows();
    for (language, counts) in by_language.iter().filter(|(_, counts)| counts.rows().is_any()) {
        counts.emit(sink, &[("language", language)], Some((with_language, all)));
    }
    // A source that never reports the editor has no rows by editor, rather than one unknown row.
    if with_ide.is_any() {
        for (ide, counts) in by_ide.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(sink, &[("ide", ide)], Some((with_ide, all)));
        }
        for ((language, ide), counts) in by_both.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(sink, &[("language", language), ("ide", ide)], Some((with_both, all)));
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
        let (sum, people) = match event {
            "code_suggestion_shown_in_ide" => (&mut self.shown, &mut self.shown_to),
            "code_suggestion_accepted_in_ide" => (&mut self.accepted, &mut self.accepted_by),
            "code_suggestion_rejected_in_ide" => (&mut self.rejected, &mut self.rejected_by),
            _ => return,
        };
        for (user, usage) in of_users {
            sum.add(&usage);
            if is_person(user) {
                people.add(user);
            }
        }
    }

    fn add_all(&mut self, other: &SuggestionCounts) {
        self.shown.add(&other.shown);
        self.accepted.add(&other.accepted);
        self.rejected.add(&other.rejected);
        self.shown_to.add_all(&other.shown_to);
        self.accepted_by.add_all(&other.accepted_by);
        self.rejected_by.add_all(&other.rejected_by);
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
        let (shown_people, accepted_people) = (Some(self.shown_to.len()), Some(self.accepted_by.len()));
        let people = Some(self.shown_to.union_len(&self.accepted_by));

        sink.emit(&SHOWN, by, scaled(MetricValue::count(self.shown.events, shown_people), shown_rows));
        sink.emit(
            &ACCEPTED,
            by,
            scaled(MetricValue::count(self.accepted.events, accepted_people), accepted_rows),
        );
        let rejected = MetricValue::count(self.rejected.events, Some(self.rejected_by.len()));
        sink.emit(&REJECTED, by, scaled(rejected, |rows| rows.rejected));
        let rate =
            MetricValue::rate(Number::Count(self.accepted.events), Number::Count(self.shown.events), people);
        sink.emit(&ACCEPTANCE_RATE, by, scaled(rate, both_rows));
        if by.iter().any(|(name, _)| *name == "ide") {
            return;
        }

        let lines = MetricValue::count(self.shown.lines, shown_people);
        let lines = lines.with_basis(self.shown.sized, self.shown.events);
        sink.emit(&LINES_SHOWN, by, scaled(lines, shown_rows));
        let lines = MetricValue::count(self.accepted.lines, accepted_people);
        let lines = lines.with_basis(self.accepted.sized, self.accepted.events);
        sink.emit(&LINES_ACCEPTED, by, scaled(lines, accepted_rows));
        let rate =
            MetricValue::rate(Number::Count(self.accepted.lines), Number::Count(self.shown.lines), people);
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
