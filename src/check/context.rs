//! What a rule judges.

use std::collections::BTreeSet;

use crate::base::calendar::Day;
use crate::model::coverage::Coverage;
use crate::model::history_loss::HistoryLoss;
use crate::publish::place::Place;
use crate::publish::privacy::Line;

/// The data to check.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The published lines, in the order of [`crate::publish::privacy::publish`].
    pub lines: &'a [Line<'a>],
    /// What was collected.
    pub coverage: &'a [Coverage],
    /// Whether events differ from GitLab's own counts without a known reason, as the page states it.
    pub differs: bool,
    /// A history that was lost.
    pub loss: Option<HistoryLoss>,
    /// The day on which the data is checked.
    pub today: Day,
}

/// The groups that a rule is about.
#[derive(Debug, PartialEq)]
pub(super) enum Scopes {
    /// The union of all groups or, where there is none, every group.
    Main,
    /// Every group and their union.
    Every,
    /// These.
    Listed(Vec<String>),
}

/// The data that a rule sees.
pub(super) struct Context<'c, 'a> {
    pub(super) input: &'c Input<'a>,
    pub(super) places: &'c [Place<'a>],
    pub(super) scopes: &'c Scopes,
    pub(super) holidays: &'c BTreeSet<Day>,
}

impl<'c, 'a> Context<'c, 'a> {
    /// The places that the rule is about: without a list, the union of all groups or, where there is
    /// none, every group.
    pub(super) fn places(&self) -> impl Iterator<Item = &'c Place<'a>> {
        let has_union = self.places.iter().any(Place::is_union);
        let scopes = self.scopes;
        self.places.iter().filter(move |place| match scopes {
            Scopes::Main => place.is_union() || !has_union,
            Scopes::Every => true,
            Scopes::Listed(names) => names.iter().any(|name| name == place.scope()),
        })
    }

    /// Whether the rule is about what was collected of this group: without a list, of every group.
    pub(super) fn includes_group(&self, scope: &str) -> bool {
        match self.scopes {
            Scopes::Main | Scopes::Every => true,
            Scopes::Listed(names) => names.iter().any(|name| name == scope),
        }
    }
}
