//! Teams and subgroups: who is in them, and views of their people alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::View;
use super::bots::Bots;
use super::resolve::{Resolved, ScopeKey};
use super::seats::Snapshot;
use super::state::CountedDays;
use crate::aggregate::rollup::{Fetch, Interner, PeopleSet, PersonId, Symbol};
use crate::aggregate::teams::{TeamKind, Teams};
use crate::base::calendar::Day;
use crate::collect::collectors::members::MEMBERS;
use crate::collect::collectors::{Level, by_name};
use crate::model::coverage::Status;
use crate::model::scope::{is_within, top_level};

/// The members of each subgroup among several scopes; `None` if they are not known.
pub type Membership = Vec<(ScopeKey, Option<Arc<PeopleSet>>)>;

/// The members of a group and its subgroups on the day of a snapshot.
#[derive(Debug, Default)]
pub(super) struct MemberList {
    /// The direct members of the group and of all its subgroups, bots included.
    all: Arc<PeopleSet>,
    /// The same of each subgroup, without bots: a team.
    teams: Teams,
}

/// The complete lists of members of each scope, by day.
pub(super) type MemberLists = BTreeMap<ScopeKey, BTreeMap<Day, MemberList>>;

impl MemberList {
    /// The members in a fetch. Teams that did not change since the list `before` are shared with it.
    fn of(
        fetch: &Fetch,
        scope: &str,
        symbols: &Interner,
        is_bot: impl Fn(PersonId) -> bool,
        before: Option<&MemberList>,
    ) -> MemberList {
        let mut all = PeopleSet::default();
        let mut teams: BTreeMap<String, PeopleSet> = BTreeMap::new();
        for (group, members) in &fetch.members {
            let path = symbols.text(*group);
            all.extend(members.iter().copied());
            // Members of a subgroup belong to all its ancestors below the group, too.
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            for ancestor in ends.map(|end| &path[..end]).filter(|path| is_within(path, scope)) {
                let people = members.iter().copied().filter(|person| !is_bot(*person));
                teams.entry(ancestor.to_owned()).or_default().extend(people);
            }
        }
        let share = |people: PeopleSet, known: Option<&Arc<PeopleSet>>| {
            known.filter(|known| ***known == people).cloned().unwrap_or_else(|| Arc::new(people))
        };
        let teams = teams.into_iter().map(|(path, people)| {
            let team = (TeamKind::Team, path);
            let people = share(people, before.and_then(|before| before.teams.get(&team)));
            (team, people)
        });
        MemberList { all: share(all, before.map(|before| &before.all)), teams: teams.collect() }
    }
}

/// The complete lists of members among the collected days.
pub(super) fn member_lists(
    days: &BTreeMap<(Symbol, ScopeKey), CountedDays<'_>>,
    symbols: &Interner,
    bots: &Bots,
) -> MemberLists {
    let mut lists = MemberLists::new();
    let Some(members) = symbols.find(MEMBERS) else { return lists };
    for ((_, scope), days) in days.iter().filter(|((collector, _), _)| *collector == members) {
        // Without a complete list, the members are not known.
        let of_scope = lists.entry(*scope).or_default();
        for (day, (state, fetch)) in days {
            if let Some(fetch) = fetch.filter(|_| state.status == Status::Complete) {
                let is_bot = |person| bots.is_bot(person, *day);
                let before = of_scope.values().next_back();
                let list = MemberList::of(fetch, symbols.text(scope.1), symbols, is_bot, before);
                of_scope.insert(*day, list);
            }
        }
    }
    lists
}

/// The top-level groups that were collected only for subgroups of theirs: events and seats exist
/// only there. A subgroup has a list of members; a group that was asked for has more than events
/// and seats.
pub fn collected_for_subgroups(
    symbols: &Interner,
    collected: impl Iterator<Item = (Symbol, ScopeKey)>,
) -> BTreeSet<ScopeKey> {
    let (mut roots, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for (collector, scope) in collected {
        let collector = symbols.text(collector);
        let level = by_name(collector).map(|collector| collector.info().level);
        if !matches!(level, Some(Level::TopLevelGroup | Level::Subscription)) {
            asked.insert(scope);
        }
        let path = symbols.text(scope.1);
        if collector == MEMBERS
            && let Some(root) = symbols.find(top_level(path)).filter(|root| *root != scope.1)
        {
            roots.insert((scope.0, root));
        }
    }
    roots.difference(&asked).copied().collect()
}

impl<'a> Resolved<'a> {
    /// The top-level group of a subgroup whose members are known or were requested.
    pub(super) fn root_of(&self, scope: ScopeKey) -> Option<ScopeKey> {
        let symbols = &self.rollups.symbols;
        self.member_lists.get(&scope)?;
        let root = (scope.0, symbols.find(top_level(symbols.text(scope.1)))?);
        (root != scope).then_some(root)
    }

    /// The members of a subgroup on a day: by the newest list up to it, else the first one after it.
    pub(super) fn members_of(&self, scope: ScopeKey, day: Day) -> Option<Arc<PeopleSet>> {
        Some(self.member_list(scope, day)?.all.clone())
    }

    fn member_list(&self, scope: ScopeKey, day: Day) -> Option<&MemberList> {
        let lists = self.member_lists.get(&scope)?;
        let before = lists.range(..=day).next_back();
        before.or_else(|| lists.range(day..).next()).map(|(_, list)| list)
    }

    /// The members of the subgroups among these scopes on a day.
    pub fn membership(&self, scopes: &[ScopeKey], day: Day) -> Membership {
        let subgroups = scopes.iter().filter(|scope| self.root_of(**scope).is_some());
        subgroups.map(|scope| (*scope, self.members_of(*scope, day))).collect()
    }

    /// The teams of these scopes on a day: those of the file, if there is one, else the subgroups of
    /// the scopes with their members.
    pub fn teams(&self, scopes: &[ScopeKey], day: Day) -> Teams {
        if let Some(teams) = &self.file_teams {
            return teams.clone();
        }
        let mut teams = Teams::new();
        for list in scopes.iter().filter_map(|scope| self.member_list(*scope, day)) {
            for (team, people) in &list.teams {
                match teams.get_mut(team) {
                    None => drop(teams.insert(team.clone(), people.clone())),
                    Some(known) if known == people => {}
                    Some(known) => Arc::make_mut(known).add_all(people),
                }
            }
        }
        teams
    }
}

impl<'a> View<'a> {
    /// A view of these people alone, without bots. It has no merge requests, pipelines, credits
    /// and totals of GitLab without users, which do not belong to a team.
    #[must_use]
    pub fn only(&self, people: &Arc<PeopleSet>) -> View<'a> {
        let snapshots = self.snapshots.iter().map(|(day, snapshot)| {
            let of_team = |holders: &BTreeSet<PersonId>| {
                holders.iter().copied().filter(|person| people.contains(*person)).collect()
            };
            let holders = snapshot.holders.as_ref().map(of_team);
            (*day, Snapshot { holders, pools: BTreeMap::new(), ..*snapshot })
        });
        let snapshots = snapshots.collect();
        View {
            instance: self.instance.clone(),
            scope: self.scope.clone(),
            snapshots,
            reported_activity: self.reported_activity.clone(),
            seat_lists: self.seat_lists.clone(),
            collectors: BTreeMap::new(),
            dora: BTreeMap::new(),
            usage: self.usage.clone(),
            suggestions: self.suggestions.clone(),
            suggestions_by_editor: BTreeMap::new(),
            opened: BTreeMap::new(),
            merged: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            sources: self.sources.clone(),
            agents: self.agents.clone(),
            scopes: self.scopes.clone(),
            only: Some(people.clone()),
            ..*self
        }
    }

    /// Whether a person is among those of the view.
    #[inline]
    pub fn includes(&self, person: PersonId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(person))
    }
}
