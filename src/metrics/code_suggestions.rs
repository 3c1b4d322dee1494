//! Code suggestions: shown, accepted, rejected, in events and in lines, by language and editor.

use std::collections::BTreeMap;

use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{By, Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::record::Number;
use crate::rollup::{Entries, Usage};
use crate::view::{Source, View};

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
    unit: Unit::Share,
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
    unit: Unit::Share,
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
    shown_or_accepted: PeopleSet,
    accepted_or_rejected: PeopleSet,
}

/// A language and an editor; `None` stands for all together.
type Split<'a> = (Option<&'a str>, Option<&'a str>);

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !page.rest_on(Source::CodeSuggestions, FAMILY.definitions) {
        return;
    }
    let mut splits: BTreeMap<Split<'_>, Counts> = BTreeMap::from([((None, None), Counts::default())]);
    let (mut with_language, mut with_ide, mut with_both) =
        (Counts::default(), Counts::default(), Counts::default());
    for (_, group, people) in view.suggestions_in(page.period) {
        let event = view.names.text(group.event);
        let language = group.language.map(|language| view.names.text(language));
        let ide = group.ide.map(|ide| view.names.text(ide));
        let told = [
            (language.is_some(), &mut with_language),
            (ide.is_some(), &mut with_ide),
            (language.is_some() && ide.is_some(), &mut with_both),
        ];
        for (_, counts) in told.into_iter().filter(|(is_told, _)| *is_told) {
            counts.add(event, people.clone(), view);
        }
        let (language, ide) = (language.unwrap_or(NOT_ATTRIBUTED), ide.unwrap_or(NOT_ATTRIBUTED));
        for split in [(None, None), (Some(language), None), (None, Some(ide)), (Some(language), Some(ide))] {
            splits.entry(split).or_default().add(event, people.clone(), view);
        }
    }
    let total = splits.remove(&(None, None)).unwrap_or_default();
    total.emit(page, &[], None);
    for ((language, ide), counts) in splits.iter().filter(|(_, counts)| counts.is_any()) {
        match (language, ide) {
            (Some(language), None) => {
                counts.emit(page, &[("language", language)], Some((&with_language, &total)))
            }
            // A source that never tells the editor has no rows by editor, rather than one row of all unknown.
            (None, Some(ide)) if with_ide.is_any() => {
                counts.emit(page, &[("ide", ide)], Some((&with_ide, &total)))
            }
            (Some(language), Some(ide)) if with_ide.is_any() => {
                counts.emit(page, &[("language", language), ("ide", ide)], Some((&with_both, &total)));
            }
            _ => {}
        }
    }
}

impl Counts {
    fn add(&mut self, event: &str, of_people: Entries<'_>, view: &View<'_>) {
        let (sum, people, both): (_, _, &mut [_]) = match event {
            "code_suggestion_shown_in_ide" => {
                (&mut self.shown, &mut self.shown_to, &mut [&mut self.shown_or_accepted])
            }
            "code_suggestion_accepted_in_ide" => (
                &mut self.accepted,
                &mut self.accepted_by,
                &mut [&mut self.shown_or_accepted, &mut self.accepted_or_rejected],
            ),
            "code_suggestion_rejected_in_ide" => {
                (&mut self.rejected, &mut self.rejected_by, &mut [&mut self.accepted_or_rejected])
            }
            _ => return,
        };
        for (person, usage) in of_people {
            sum.add(&usage);
            if view.people.is_bot(person) {
                continue;
            }
            people.add_any(person);
            for set in both.iter_mut() {
                set.add_any(person);
            }
        }
    }

    fn is_any(&self) -> bool {
        self.shown.events + self.accepted.events + self.rejected.events > 0
    }

    /// Puts the numbers. `told` are the counts of the rows that tell the dimension, and of all rows: numbers by a
    /// dimension rest on that share of the rows.
    fn emit(&self, page: &mut Page<'_>, by: By<'_>, told: Option<(&Counts, &Counts)>) {
        let resting = |figure: Figure, rows: fn(&Counts) -> u64| match told {
            Some((with, all)) if by.iter().all(|(_, value)| *value != NOT_ATTRIBUTED) && rows(all) > 0 => {
                figure.out_of(rows(with) as f64 / rows(all) as f64)
            }
            _ => figure,
        };
        let shown_rows = |counts: &Counts| counts.shown.events;
        let accepted_rows = |counts: &Counts| counts.accepted.events;
        let both_rows = |counts: &Counts| counts.shown.events + counts.accepted.events;
        let (shown_people, accepted_people) = (Some(self.shown_to.len()), Some(self.accepted_by.len()));
        let people = Some(self.shown_or_accepted.len());

        page.emit(&SHOWN, by, resting(Figure::count(self.shown.events, shown_people), shown_rows));
        page.emit(
            &ACCEPTED,
            by,
            resting(Figure::count(self.accepted.events, accepted_people), accepted_rows),
        );
        let rejected = Figure::count(self.rejected.events, Some(self.rejected_by.len()));
        page.emit(&REJECTED, by, resting(rejected, |counts| counts.rejected.events));
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
        let rate = rate.on_basis(self.shown.sized + self.accepted.sized, both_rows(self));
        page.emit(&LINE_ACCEPTANCE_RATE, by, resting(rate, both_rows));
        let users = Figure::people(self.accepted_or_rejected.len());
        page.emit(&USERS, by, resting(users, |counts| counts.accepted.events + counts.rejected.events));
    }
}
