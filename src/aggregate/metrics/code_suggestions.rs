//! Code suggestions: shown, accepted, rejected, in events and in lines, by language and editor.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{By, Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{Entries, Name, PersonId, Usage};
use crate::aggregate::view::{Source, View};
use crate::model::record::{Number, Reason};

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

const EVENT_SPLITS: &[&str] = &[TOTAL, "language", "ide", "language×ide"];
const LINE_SPLITS: &[&str] = &[TOTAL, "language"];

/// Where suggestions go whose source does not tell the language or the editor.
const NOT_ATTRIBUTED: &str = "(not attributed)";

const SHOWN: Definition = Definition {
    metric: "code_suggestions.shown",
    title: "Suggestions shown",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: EVENT_SPLITS,
    text: "Code suggestions shown in an editor.",
};

const ACCEPTED: Definition = Definition {
    metric: "code_suggestions.accepted",
    title: "Suggestions accepted",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: EVENT_SPLITS,
    text: "Code suggestions accepted in an editor.",
};

const REJECTED: Definition = Definition {
    metric: "code_suggestions.rejected",
    title: "Suggestions rejected",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: EVENT_SPLITS,
    text: "Code suggestions rejected in an editor. Not every suggestion that is not accepted is rejected: many are ignored.",
};

const ACCEPTANCE_RATE: Definition = Definition {
    metric: "code_suggestions.acceptance_rate",
    title: "Acceptance rate",
    unit: Unit::Share(&[&[Count::of("code_suggestions.accepted")], &[Count::of("code_suggestions.shown")]]),
    grains: EVERY_GRAIN,
    by: EVENT_SPLITS,
    text: "Suggestions accepted divided by suggestions shown: a ratio of sums, never a mean of ratios. Where nothing was \
           shown there is no rate.",
};

const LINES_SHOWN: Definition = Definition {
    metric: "code_suggestions.lines_shown",
    title: "Lines shown",
    unit: Unit::Lines,
    grains: EVERY_GRAIN,
    by: LINE_SPLITS,
    text: "Lines of code in the suggestions shown, over those that carry a size; the basis says which share does.",
};

const LINES_ACCEPTED: Definition = Definition {
    metric: "code_suggestions.lines_accepted",
    title: "Lines accepted",
    unit: Unit::Lines,
    grains: EVERY_GRAIN,
    by: LINE_SPLITS,
    text: "Lines of code in the suggestions accepted, over those that carry a size; the basis says which share does.",
};

const LINE_ACCEPTANCE_RATE: Definition = Definition {
    metric: "code_suggestions.line_acceptance_rate",
    title: "Acceptance rate of lines",
    unit: Unit::Share(&[
        &[Count::of("code_suggestions.lines_accepted")],
        &[Count::of("code_suggestions.lines_shown")],
    ]),
    grains: EVERY_GRAIN,
    by: LINE_SPLITS,
    text: "Lines accepted divided by lines shown, over suggestions that carry a size; the basis says which share does.",
};

const USERS: Definition = Definition {
    metric: "code_suggestions.users",
    title: "People using code suggestions",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: LINE_SPLITS,
    text: "Distinct people who accepted or rejected a code suggestion.",
};

#[derive(Default)]
struct Counts {
    shown: Usage,
    accepted: Usage,
    rejected: Usage,
    shown_to: PeopleSet,
    accepted_by: PeopleSet,
    rejected_by: PeopleSet,
}

/// How many suggestions were shown, accepted and rejected.
#[derive(Clone, Copy, Default)]
struct Rows {
    shown: u64,
    accepted: u64,
    rejected: u64,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::CodeSuggestions, FAMILY.definitions) {
        return;
    }
    let mut apart: BTreeMap<[Option<Name>; 2], Counts> = BTreeMap::new();
    for (day, cell, people) in view.suggestions_in(page.period) {
        let counts = apart.entry([cell.language, cell.ide]).or_default();
        counts.add(view.names.text(cell.event), people, |person| view.is_person(person, day));
    }
    let mut total = Counts::default();
    let mut by_language: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut by_ide: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut by_both: BTreeMap<(&str, &str), Counts> = BTreeMap::new();
    let (mut with_language, mut with_ide, mut with_both) =
        (Rows::default(), Rows::default(), Rows::default());
    for (told, counts) in apart {
        for (is_told, rows) in [
            (told[0].is_some(), &mut with_language),
            (told[1].is_some(), &mut with_ide),
            (told[0].is_some() && told[1].is_some(), &mut with_both),
        ] {
            if is_told {
                rows.add(counts.rows());
            }
        }
        let [language, ide] = told.map(|name| name.map_or(NOT_ATTRIBUTED, |name| view.names.text(name)));
        for sum in [&mut total, by_language.entry(language).or_default(), by_ide.entry(ide).or_default()] {
            sum.add_all(&counts);
        }
        match by_both.entry((language, ide)) {
            Entry::Vacant(entry) => drop(entry.insert(counts)),
            // What is not told, and what is told to be so.
            Entry::Occupied(mut both) => both.get_mut().add_all(&counts),
        }
    }
    total.emit(page, &[], None);
    let all = total.rows();
    for (language, counts) in by_language.iter().filter(|(_, counts)| counts.rows().is_any()) {
        counts.emit(page, &[("language", language)], Some((with_language, all)));
    }
    // A source that never tells the editor has no rows by editor, rather than one row of all unknown.
    if with_ide.is_any() {
        for (ide, counts) in by_ide.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(page, &[("ide", ide)], Some((with_ide, all)));
        }
        for ((language, ide), counts) in by_both.iter().filter(|(_, counts)| counts.rows().is_any()) {
            counts.emit(page, &[("language", language), ("ide", ide)], Some((with_both, all)));
        }
    }
}

impl Rows {
    fn add(&mut self, other: Rows) {
        self.shown = self.shown.saturating_add(other.shown);
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.rejected = self.rejected.saturating_add(other.rejected);
    }

    fn is_any(self) -> bool {
        self.shown > 0 || self.accepted > 0 || self.rejected > 0
    }
}

impl Counts {
    fn add(&mut self, event: &str, of_users: Entries<'_>, is_person: impl Fn(PersonId) -> bool) {
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

    fn add_all(&mut self, other: &Counts) {
        self.shown.add(&other.shown);
        self.accepted.add(&other.accepted);
        self.rejected.add(&other.rejected);
        self.shown_to.add_all(&other.shown_to);
        self.accepted_by.add_all(&other.accepted_by);
        self.rejected_by.add_all(&other.rejected_by);
    }

    fn rows(&self) -> Rows {
        Rows { shown: self.shown.events, accepted: self.accepted.events, rejected: self.rejected.events }
    }

    /// Puts the numbers. `told` are the rows that tell the dimension, and all rows: numbers by a
    /// dimension rest on that share of the rows.
    fn emit(&self, page: &mut Page<'_, '_>, by: By<'_>, told: Option<(Rows, Rows)>) {
        let resting = |figure: Figure, rows: fn(Rows) -> u64| match told {
            Some((with, all)) if by.iter().all(|(_, value)| *value != NOT_ATTRIBUTED) && rows(all) > 0 => {
                figure.out_of(rows(with) as f64 / rows(all) as f64)
            }
            _ => figure,
        };
        let shown_rows = |rows: Rows| rows.shown;
        let accepted_rows = |rows: Rows| rows.accepted;
        let both_rows = |rows: Rows| rows.shown.saturating_add(rows.accepted);
        let (shown_people, accepted_people) = (Some(self.shown_to.len()), Some(self.accepted_by.len()));
        let people = Some(self.shown_to.in_either(&self.accepted_by));

        page.emit(&SHOWN, by, resting(Figure::count(self.shown.events, shown_people), shown_rows));
        page.emit(
            &ACCEPTED,
            by,
            resting(Figure::count(self.accepted.events, accepted_people), accepted_rows),
        );
        let rejected = Figure::count(self.rejected.events, Some(self.rejected_by.len()));
        page.emit(&REJECTED, by, resting(rejected, |rows| rows.rejected));
        let rate =
            Figure::rate(Number::Count(self.accepted.events), Number::Count(self.shown.events), people);
        page.emit(&ACCEPTANCE_RATE, by, resting(rate, both_rows));
        if by.iter().any(|(name, _)| *name == "ide") {
            return;
        }

        let lines = Figure::count(self.shown.lines, shown_people);
        let lines = lines.on_basis(self.shown.sized, self.shown.events);
        page.emit(&LINES_SHOWN, by, resting(lines, shown_rows));
        let lines = Figure::count(self.accepted.lines, accepted_people);
        let lines = lines.on_basis(self.accepted.sized, self.accepted.events);
        page.emit(&LINES_ACCEPTED, by, resting(lines, accepted_rows));
        let rate = Figure::rate(Number::Count(self.accepted.lines), Number::Count(self.shown.lines), people);
        let rate =
            rate.on_basis(self.shown.sized.saturating_add(self.accepted.sized), both_rows(self.rows()));
        // Something was shown, and nobody tells of how many lines.
        let rate = match self.shown.events > 0 && self.shown.sized == 0 {
            true => rate.unknown_because(Reason::NotInSource),
            false => rate,
        };
        page.emit(&LINE_ACCEPTANCE_RATE, by, resting(rate, both_rows));
        let users = Figure::people(self.accepted_by.in_either(&self.rejected_by));
        page.emit(&USERS, by, resting(users, |rows| rows.accepted + rows.rejected));
    }
}
