//! The content of rollups as lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::cells::Cell;
use super::fetch::{Fetch, Segment};
use super::interner::{PersonId, Symbol};
use super::sessions::{AgentKey, SessionFact, SessionLabel};
use super::tally::{CellId, Usage};
use super::{Rollups, Target};
use crate::base::calendar::Timestamp;
use crate::events::agents::AgentCounts;
use crate::model::coverage::Coverage;
use crate::model::line::Rollup;
use crate::model::rollup::{AgentRollup, CountedRows, RollupKind, SessionRollup, UsageRollup};

impl Rollups {
    /// Passes all counts to `take` as rollup lines, in a fixed order.
    pub fn for_each_rollup<E>(&self, mut take: impl FnMut(&Rollup<'_>) -> Result<(), E>) -> Result<(), E> {
        let text = |symbol: Symbol| Cow::from(self.symbols.text(symbol));
        let mut fetches: Vec<_> = self
            .fetches
            .iter()
            .flat_map(|(target, fetches)| fetches.iter().map(move |(at, fetch)| (target, *at, fetch)))
            .collect();
        fetches.sort_by_cached_key(|(target, at, _)| {
            (text(target.instance), text(target.collector), text(target.scope), target.day, *at)
        });
        for (target, fetched_at, fetch) in fetches {
            let mut lines: Vec<Rollup<'_>> = Vec::new();
            for (part, counted) in fetch.all_parts() {
                let of = self.counted_rows(target, fetched_at, part);
                lines.extend(counted.usage.iter().map(|(cell, person, usage)| {
                    Rollup::Usage(self.usage_rollup(&of, fetch, cell, person, usage))
                }));
                lines.extend(self.session_rollups(&of, fetch, counted).map(Rollup::Session));
                lines.extend(counted.agents.iter().map(|(key, counts)| {
                    Rollup::Agent(Box::new(self.agent_rollup(&of, fetch, key, counts)))
                }));
            }
            lines.sort_unstable();
            lines.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    fn counted_rows<'s>(
        &'s self,
        target: &Target,
        fetched_at: Timestamp,
        part: Cow<'s, str>,
    ) -> CountedRows<'s> {
        let text = |symbol: Symbol| Cow::from(self.symbols.text(symbol));
        CountedRows {
            instance: text(target.instance),
            collector: text(target.collector),
            scope: text(target.scope),
            day: target.day,
            fetched_at,
            part,
        }
    }

    fn usage_rollup<'s>(
        &'s self,
        rows: &CountedRows<'s>,
        fetch: &Fetch,
        cell: CellId,
        person: PersonId,
        usage: Usage,
    ) -> UsageRollup<'s> {
        let text = |symbol: Symbol| Cow::from(self.symbols.text(symbol));
        let Cell { event, feature, language, ide, .. } = *self.cells.cell(cell);
        let CountedRows { instance, collector, scope, day, fetched_at, part } = rows.clone();
        UsageRollup {
            kind: RollupKind::Usage,
            instance,
            collector,
            scope,
            day,
            fetched_at,
            part,
            user: self.people.user(person).into(),
            bot: fetch.bots.contains(&person),
            event: text(event),
            feature: text(feature),
            language: language.map(text),
            ide: ide.map(text),
            events: usage.events,
            sized: usage.sized,
            lines: usage.lines,
        }
    }

    /// The sessions of a part as lines.
    fn session_rollups<'s>(
        &'s self,
        rows: &CountedRows<'s>,
        fetch: &'s Fetch,
        part: &'s Segment,
    ) -> impl Iterator<Item = SessionRollup<'s>> {
        let mut facts = part.sessions.facts().flatten().peekable();
        std::iter::from_fn(move || {
            let (session, _) = *facts.peek()?;
            let text = |symbol: Symbol| Cow::from(self.symbols.text(symbol));
            let mut rollup = SessionRollup {
                kind: RollupKind::Session,
                counted_rows: rows.clone(),
                session: text(session),
                users: BTreeMap::new(),
                bots: BTreeSet::new(),
                flows: BTreeSet::new(),
                environments: BTreeSet::new(),
                agents: BTreeMap::new(),
                flow_versions: BTreeMap::new(),
                item_types: BTreeMap::new(),
                items: BTreeMap::new(),
                steps: BTreeSet::new(),
            };
            while let Some((_, fact)) = facts.next_if(|(of, _)| *of == session) {
                match fact {
                    SessionFact::User(person, since) => {
                        let user = Cow::from(self.people.user(person));
                        if fetch.bots.contains(&person) {
                            rollup.bots.insert(user.clone());
                        }
                        rollup.users.insert(user, since);
                    }
                    SessionFact::Flow(flow) => drop(rollup.flows.insert(text(flow))),
                    SessionFact::Environment(environment) => {
                        rollup.environments.insert(text(environment));
                    }
                    SessionFact::Step(at, step) => drop(rollup.steps.insert((at, step))),
                    SessionFact::Label(label, of_label, since) => {
                        let texts = match label {
                            SessionLabel::Agent => &mut rollup.agents,
                            SessionLabel::Version => &mut rollup.flow_versions,
                            SessionLabel::ItemType => &mut rollup.item_types,
                            SessionLabel::Item => &mut rollup.items,
                        };
                        texts.insert(text(of_label), since);
                    }
                }
            }
            Some(rollup)
        })
    }

    /// The counts of tool calls and tokens as a line.
    fn agent_rollup<'s>(
        &'s self,
        rows: &CountedRows<'s>,
        fetch: &Fetch,
        key: AgentKey,
        counts: AgentCounts,
    ) -> AgentRollup<'s> {
        let text = |symbol: Symbol| Cow::from(self.symbols.text(symbol));
        AgentRollup {
            kind: RollupKind::Agent,
            counted_rows: rows.clone(),
            user: self.people.user(key.person).into(),
            bot: fetch.bots.contains(&key.person),
            event: text(key.event),
            flow: key.flow.map(text),
            session: key.session.map(text),
            tool: key.tool.map(text),
            model: key.model.map(text),
            counts,
        }
    }

    /// The agent data of fetches of a target as lines: sessions, and tool calls and tokens.
    pub fn agents_of<'s>(
        &'s self,
        target: Target,
        fetches: impl Iterator<Item = (Timestamp, &'s Fetch)>,
    ) -> (Vec<SessionRollup<'s>>, Vec<AgentRollup<'s>>) {
        let (mut sessions, mut agents) = (Vec::new(), Vec::new());
        for (fetched_at, fetch) in fetches {
            for (part, counted) in fetch.all_parts() {
                let of = self.counted_rows(&target, fetched_at, part);
                sessions.extend(self.session_rollups(&of, fetch, counted));
                agents.extend(
                    counted.agents.iter().map(|(key, counts)| self.agent_rollup(&of, fetch, key, counts)),
                );
            }
        }
        sessions.sort_unstable();
        agents.sort_unstable();
        (sessions, agents)
    }

    /// The coverage lines, in a fixed order.
    pub fn coverage(&self) -> Vec<Coverage> {
        let unanswered = self.unanswered.keys().flat_map(|target| self.coverage_unanswered(*target));
        let declared =
            self.fetches.values().flat_map(BTreeMap::values).filter_map(|fetch| fetch.declared.clone());
        let mut lines: Vec<Coverage> = declared.chain(unanswered).collect();
        lines.sort();
        lines
    }

    /// The coverage lines of a target for which the server never responded.
    pub fn coverage_unanswered(&self, target: Target) -> impl Iterator<Item = Coverage> {
        let text = |symbol| self.symbols.text(symbol).to_owned();
        let (collector, instance, scope) =
            (text(target.collector), text(target.instance), text(target.scope));
        self.unanswered.get(&target).into_iter().flatten().map(move |line| Coverage {
            collector: collector.clone(),
            instance: instance.clone(),
            scope: scope.clone(),
            day: target.day,
            status: line.status,
            rows: None,
            fetched_at: None,
            reason: line.reason.clone(),
            unreadable: 0,
            key_check: None,
            shrunk: false,
            named: line.is_named,
        })
    }
}
