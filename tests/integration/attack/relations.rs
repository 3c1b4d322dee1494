//! The relations between the numbers that an attacker knows or looks for, from their meaning alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::Datelike as _;

use super::knowledge::{Knowledge, Range, Series, date, working_days};
use super::meaning::{By, Kind, Quantity, SUM_OF_DAYS};

/// Whether a sum equals its constant, or is at most that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sense {
    Equal,
    AtMost,
}

/// A linear relation: the sum of factors times variables against 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Relation {
    pub(crate) terms: Vec<(usize, i8)>,
    pub(crate) sense: Sense,
    /// Why it holds.
    pub(crate) rule: Rule,
}

/// The reasons for relations. A test removes one of them to see that the attack notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// Parts by a dimension add up to the total, or bound its people.
    Parts,
    /// Days add up to periods, and periods to longer ones.
    Periods,
    /// The groups add up to the union.
    Scopes,
    /// Two metrics are parts, bounds or complements of each other.
    Metrics,
    /// Everyone behind a count did at least one of what it counts.
    AtLeastOneEach,
}

/// A series with the variables of its ranges.
pub(crate) struct Relations<'a> {
    knowledge: &'a mut Knowledge,
    found: BTreeSet<Relation>,
    /// The ranges that occur for the name, scope and population of a quantity, at an epoch.
    ranges: HashMap<(String, String, String), BTreeSet<Range>>,
    epoch: i32,
}

/// All relations of what is known.
pub(crate) fn relations(knowledge: &mut Knowledge) -> Vec<Relation> {
    let mut found = BTreeSet::new();
    for epoch in knowledge.epochs.clone() {
        let mut ranges: HashMap<_, BTreeSet<Range>> = HashMap::new();
        for variable in &knowledge.variables {
            let Series { quantity, scope, population } = &knowledge.series[variable.series];
            let is_of_epoch = variable.range.1 <= epoch
                && knowledge.is_examined(variable.range)
                && variable.vintage == knowledge.vintage(variable.range, epoch);
            if is_of_epoch {
                let key = (quantity.name.clone(), scope.clone(), population.clone());
                ranges.entry(key).or_default().insert(variable.range);
            }
        }
        let mut relations = Relations { knowledge, found, ranges, epoch };
        relations.add_parts();
        relations.add_periods();
        relations.add_scopes();
        relations.add_metrics();
        relations.add_teams();
        relations.add_states();
        found = relations.found;
    }
    found.into_iter().collect()
}

impl Relations<'_> {
    fn add(&mut self, mut terms: Vec<(usize, i8)>, sense: Sense, rule: Rule) {
        terms.sort_unstable();
        let mut merged: Vec<(usize, i8)> = Vec::with_capacity(terms.len());
        for (at, factor) in terms {
            match merged.last_mut() {
                Some((last, sum)) if *last == at => *sum += factor,
                _ => merged.push((at, factor)),
            }
        }
        merged.retain(|(_, factor)| *factor != 0);
        if !merged.is_empty() {
            self.found.insert(Relation { terms: merged, sense, rule });
        }
    }

    /// `whole` is the sum of the parts, or, for people, at least each and at most all of them.
    fn add_whole(&mut self, whole: usize, parts: &[usize], kind: Kind, rule: Rule) {
        let sum = || parts.iter().map(|part| (*part, -1)).chain([(whole, 1)]).collect();
        if kind != Kind::People {
            self.add(sum(), Sense::Equal, rule);
            return;
        }
        self.add(sum(), Sense::AtMost, rule);
        for part in parts {
            self.add(vec![(*part, 1), (whole, -1)], Sense::AtMost, rule);
        }
    }

    /// The variable of a series and range; `None` if it is zero because its level is shown
    /// without it.
    fn term(&mut self, series: usize, range: Range) -> Option<usize> {
        match self.knowledge.find(series, range, self.epoch) {
            Some(at) => Some(at),
            None if self.knowledge.is_level_shown(series, range) => None,
            None => Some(self.knowledge.variable(series, range, self.epoch)),
        }
    }

    fn ranges_of(&self, series: usize) -> Vec<Range> {
        let Series { quantity, scope, population } = &self.knowledge.series[series];
        let key = (quantity.name.clone(), scope.clone(), population.clone());
        self.ranges.get(&key).map(|ranges| ranges.iter().copied().collect()).unwrap_or_default()
    }

    /// Parts by each dimension.
    fn add_parts(&mut self) {
        // The parts of a quantity: its own dimensions and one more.
        let mut parts: BTreeMap<(Series, String), Vec<usize>> = BTreeMap::new();
        for (at, series) in self.knowledge.series.iter().enumerate() {
            for dimension in series.quantity.by.keys() {
                if !is_partition(&series.quantity, dimension) {
                    continue;
                }
                let mut whole = series.clone();
                whole.quantity.by.remove(dimension);
                parts.entry((whole, dimension.clone())).or_default().push(at);
            }
        }
        for ((whole, _), parts) in parts {
            let Some(series) = self.knowledge.find_series(&whole) else { continue };
            let kind = whole.quantity.kind;
            for range in self.ranges_of(series) {
                let Some(total) = self.knowledge.find(series, range, self.epoch) else { continue };
                let parts: Vec<usize> = parts.iter().filter_map(|part| self.term(*part, range)).collect();
                self.add_whole(total, &parts, kind, Rule::Parts);
            }
        }
    }

    /// Days and longer periods.
    fn add_periods(&mut self) {
        for series in 0..self.knowledge.series.len() {
            let kind = self.knowledge.series[series].quantity.kind;
            if kind == Kind::Partition {
                continue;
            }
            let ranges = self.ranges_of(series);
            let known: BTreeSet<Range> = ranges.iter().copied().collect();
            for range in ranges {
                if range.0 == range.1 || self.knowledge.find(series, range, self.epoch).is_none() {
                    continue;
                }
                for parts in splits(range, &known) {
                    self.add_split(series, range, &parts, kind);
                }
                if kind == Kind::Additive {
                    self.add_shifts(series, range, &known);
                }
            }
        }
    }

    fn add_split(&mut self, series: usize, range: Range, parts: &[Range], kind: Kind) {
        let Some(whole) = self.term(series, range) else { return };
        let parts: Vec<usize> = parts.iter().filter_map(|part| self.term(series, *part)).collect();
        self.add_whole(whole, &parts, kind, Rule::Periods);
    }

    /// Two windows of the same length differ by what left and what arrived.
    fn add_shifts(&mut self, series: usize, range: Range, known: &BTreeSet<Range>) {
        for days in [1, 7] {
            let earlier = (range.0 - days, range.1 - days);
            if range.1 - range.0 != 27 || !known.contains(&earlier) {
                continue;
            }
            let left = (earlier.0, range.0 - 1);
            let arrived = (earlier.1 + 1, range.1);
            let terms = [(range, 1), (left, 1), (earlier, -1), (arrived, -1)];
            let terms =
                terms.into_iter().filter_map(|(range, factor)| Some((self.term(series, range)?, factor)));
            let terms = terms.collect();
            self.add(terms, Sense::Equal, Rule::Periods);
        }
    }

    /// The union of the groups.
    fn add_scopes(&mut self) {
        let mut groups: BTreeMap<Series, Vec<usize>> = BTreeMap::new();
        for (at, series) in self.knowledge.series.iter().enumerate() {
            if series.scope != "*" {
                groups.entry(Series { scope: "*".to_owned(), ..series.clone() }).or_default().push(at);
            }
        }
        for (union, groups) in groups {
            let Some(series) = self.knowledge.find_series(&union) else { continue };
            // People can be in several groups, whatever the quantity.
            let kind = match union.quantity.kind {
                Kind::Partition => continue,
                kind => kind,
            };
            for range in self.ranges_of(series) {
                let Some(whole) = self.knowledge.find(series, range, self.epoch) else { continue };
                let parts: Vec<usize> = groups.iter().filter_map(|group| self.term(*group, range)).collect();
                self.add_whole(whole, &parts, kind, Rule::Scopes);
            }
        }
    }

    /// Teams are part of their group, and of the teams above them.
    fn add_teams(&mut self) {
        let with_team: Vec<(usize, Series, String)> = (self.knowledge.series.iter().enumerate())
            .filter_map(|(at, series)| Some((at, series.clone(), series.quantity.by.get("team")?.clone())))
            .collect();
        for (part, series, team) in with_team {
            let mut wholes = Vec::new();
            let mut whole = series.clone();
            whole.quantity.by.remove("team");
            wholes.extend(self.knowledge.find_series(&whole));
            let mut above = &*team;
            while let Some((parent, _)) = above.rsplit_once('/') {
                above = parent;
                whole.quantity.by.insert("team".to_owned(), parent.to_owned());
                wholes.extend(self.knowledge.find_series(&whole));
            }
            for range in self.ranges_of(part) {
                let Some(fewer) = self.knowledge.find(part, range, self.epoch) else { continue };
                for whole in &wholes {
                    if let Some(more) = self.knowledge.find(*whole, range, self.epoch) {
                        self.add(vec![(fewer, 1), (more, -1)], Sense::AtMost, Rule::Parts);
                    }
                }
            }
        }
    }

    /// States of people at one moment: segments, movements between them, seats, and the mean of
    /// days.
    fn add_states(&mut self) {
        for variable in 0..self.knowledge.variables.len() {
            let found = self.knowledge.variables[variable].clone();
            let current = found.vintage == self.knowledge.vintage(found.range, self.epoch);
            if found.range.1 > self.epoch || !current {
                continue;
            }
            let series = self.knowledge.series[found.series].clone();
            let name = series.quantity.name.clone();
            if name.starts_with("engagement.users") && series.quantity.by.len() == 1 {
                self.add_movements(variable, &series, found.range);
            } else if name == SUM_OF_DAYS {
                let quantity = Quantity {
                    name: "users.active#people".to_owned(),
                    kind: Kind::People,
                    ..series.quantity.clone()
                };
                let Some(days) = self.knowledge.find_series(&Series { quantity, ..series }) else { continue };
                let days: Vec<usize> =
                    working_days(found.range).filter_map(|day| self.term(days, (day, day))).collect();
                self.add_whole(variable, &days, Kind::Partition, Rule::Metrics);
            } else if name.starts_with("seats.active#of") {
                self.add_seats(variable, &series, found.range);
            }
        }
    }

    /// The people of a segment come from one segment each, and went to one each.
    fn add_movements(&mut self, variable: usize, series: &Series, range: Range) {
        let Some(segment) = series.quantity.by.get("segment") else { return };
        let name = series.quantity.name.replace("engagement.users", "engagement.movement");
        let segments = ["inactive", "experimenting", "regular", "heavy"];
        for (is_before, of, other) in [(false, "to", "from"), (true, "from", "to")] {
            // Those who were never seen before are inactive then.
            if is_before && (segment == "inactive" || series.population != "people") {
                continue;
            }
            let range = if is_before { (range.0 + 28, range.1 + 28) } else { range };
            let parts: Vec<usize> = (segments.iter())
                .filter_map(|value| {
                    let by = [(of, segment.as_str()), (other, *value)];
                    let by = by.map(|(name, value)| (name.to_owned(), value.to_owned()));
                    let quantity = Quantity { name: name.clone(), by: By::from(by), kind: Kind::Partition };
                    let of_segment = self.knowledge.find_series(&Series { quantity, ..series.clone() })?;
                    self.knowledge.find(of_segment, range, self.epoch)
                })
                .collect();
            if parts.len() == segments.len() {
                self.add_whole(variable, &parts, Kind::Partition, Rule::Metrics);
            }
        }
    }

    /// People with a seat: by segment, by idleness, and as GitLab counts them.
    fn add_seats(&mut self, variable: usize, series: &Series, range: Range) {
        let Some((_, grain)) = series.quantity.name.split_once('@') else { return };
        let found = |relations: &Self, name: String, by: &[(&str, &str)], population: &str, range: Range| {
            let by = by.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let quantity = Quantity { name, by: by.collect(), kind: Kind::Partition };
            let series = Series { quantity, population: population.to_owned(), ..series.clone() };
            relations.knowledge.find(relations.knowledge.find_series(&series)?, range, relations.epoch)
        };
        if !series.quantity.by.is_empty() {
            return;
        }
        let segments: Vec<usize> = (["inactive", "experimenting", "regular", "heavy"].iter())
            .filter_map(|segment| {
                let by = [("segment", *segment)];
                let name = format!("engagement.users@{grain}");
                found(self, name, &by, "seat_holders", (range.1, range.1))
            })
            .collect();
        if segments.len() == 4 {
            self.add_whole(variable, &segments, Kind::Partition, Rule::Metrics);
        }
        let day = (range.1, range.1);
        let assigned = found(self, "seats.assigned@day".into(), &[("add_on", "DUO_ENTERPRISE")], "", day);
        if let Some(assigned) = assigned {
            // Bots can have seats too.
            self.add(vec![(variable, 1), (assigned, -1)], Sense::AtMost, Rule::Metrics);
        }
        let active = found(self, format!("seats.active@{grain}"), &[], "", range);
        let idle: Vec<usize> = (["certain", "probable"].iter())
            .filter_map(|tier| found(self, format!("seats.idle@{grain}"), &[("tier", tier)], "", range))
            .collect();
        if let Some(active) = active {
            self.add(vec![(active, 1), (variable, -1)], Sense::AtMost, Rule::Metrics);
            if grain == "window" {
                let terms = idle.into_iter().chain([active]).map(|at| (at, 1)).chain([(variable, -1)]);
                self.add(terms.collect(), Sense::AtMost, Rule::Metrics);
            }
        }
    }

    /// The variables of a quantity with the scope, population and range of another variable.
    fn beside(&self, variable: usize, name: &str, by: &By) -> Option<usize> {
        let found = &self.knowledge.variables[variable];
        let Series { scope, population, .. } = &self.knowledge.series[found.series];
        let kinds = [Kind::Additive, Kind::People, Kind::Partition];
        kinds.into_iter().find_map(|kind| {
            let quantity = Quantity { name: name.to_owned(), by: by.clone(), kind };
            let series = Series { quantity, scope: scope.clone(), population: population.clone() };
            self.knowledge.find(self.knowledge.find_series(&series)?, found.range, self.epoch)
        })
    }

    /// Relations between metrics of the same scope and days.
    fn add_metrics(&mut self) {
        for variable in 0..self.knowledge.variables.len() {
            let found = &self.knowledge.variables[variable];
            if found.range.1 > self.epoch || found.vintage != self.knowledge.vintage(found.range, self.epoch)
            {
                continue;
            }
            let quantity = self.knowledge.series[found.series].quantity.clone();
            self.add_bounds(variable, &quantity);
            self.add_complements(variable, &quantity);
        }
    }

    /// Bounds: `name` of the same dimensions is at least the variable.
    fn add_bounds(&mut self, variable: usize, quantity: &Quantity) {
        let Quantity { name, by, kind } = quantity;
        if *kind == Kind::People
            && let Some(counted) = name.strip_suffix("#people")
            && counted != "agents.success_rate"
            && let Some(count) = self.beside(variable, &format!("{counted}#n"), by)
        {
            self.add(vec![(variable, 1), (count, -1)], Sense::AtMost, Rule::AtLeastOneEach);
        }
        let more: &[&str] = match &**name {
            "users.active#people" => &["events.count#people"],
            "code_suggestions.accepted#people" | "code_suggestions.rejected#people" => {
                &["code_suggestions.users#people"]
            }
            "code_suggestions.lines_accepted#people" => &["code_suggestions.accepted#people"],
            "agents.success_rate#people" => &["agents.sessions#people", "agents.success_rate#of"],
            "agents.success_rate#of" => &["agents.sessions#n"],
            "agents.success_rate#n" => &["agents.success_rate#of"],
            "merge_requests.per_author#n" => &["merge_requests.merged#n"],
            _ => &[],
        };
        for other in more {
            if let Some(other) = self.beside(variable, other, by) {
                self.add(vec![(variable, 1), (other, -1)], Sense::AtMost, Rule::Metrics);
            }
        }
        // The sizes are those of the same merge requests, as far as they are known.
        if let Some(rest) = name.strip_prefix("impact.size_lines")
            && let Some(other) = self.beside(variable, &format!("impact.time_to_merge_seconds{rest}"), by)
        {
            self.add(vec![(variable, 1), (other, -1)], Sense::AtMost, Rule::Metrics);
        }
        let event = |name: &str| By::from([("event".to_owned(), name.to_owned())]);
        let feature = |name: &str| By::from([("feature".to_owned(), name.to_owned())]);
        let bound = match &**name {
            "chat.messages_per_user#n" => Some(("events.count#n", event("request_duo_chat_response"))),
            "code_suggestions.users#people" if by.is_empty() => {
                Some(("users.active#people", feature("code_suggestions")))
            }
            _ => None,
        };
        if let Some((other, by)) = bound
            && let Some(other) = self.beside(variable, other, &by)
        {
            self.add(vec![(variable, 1), (other, -1)], Sense::AtMost, Rule::Metrics);
        }
    }

    /// Sums of other metrics.
    fn add_complements(&mut self, variable: usize, quantity: &Quantity) {
        let Quantity { name, by, .. } = quantity;
        let with = |name: &str, value: &str| {
            let mut by = by.clone();
            by.insert(name.to_owned(), value.to_owned());
            by
        };
        let parts: Vec<(String, By)> = match &**name {
            // Merge requests of authors with GitLab Duo and of all others; bots are left out.
            "merge_requests.per_author#n" | "merge_requests.merged#people" => {
                let field = if name.ends_with("#n") { "n" } else { "people" };
                for grain in ["month", "window"] {
                    let name = format!("impact.time_to_merge_seconds#{field}@{grain}");
                    let parts =
                        ["true", "false"].map(|value| self.beside(variable, &name, &with("with_duo", value)));
                    if let [Some(with), Some(without)] = parts {
                        self.add_whole(variable, &[with, without], Kind::Partition, Rule::Metrics);
                    }
                }
                return;
            }
            "events.count#people"
                if by.get("event").is_some_and(|event| event == "request_duo_chat_response") =>
            {
                ["1-4", "5-19", "20-49", "50+"]
                    .map(|band| {
                        ("chat.user_bands".to_owned(), By::from([("band".to_owned(), band.to_owned())]))
                    })
                    .into()
            }
            "agents.success_rate#of" if by.contains_key("flow") => ["finished", "failed", "stopped", "stuck"]
                .map(|status| ("agents.sessions#n".to_owned(), with("status", status)))
                .into(),
            _ => return,
        };
        let parts: Vec<usize> =
            parts.iter().filter_map(|(name, by)| self.beside(variable, name, by)).collect();
        if !parts.is_empty() {
            self.add_whole(variable, &parts, Kind::Partition, Rule::Metrics);
        }
    }
}

/// Whether the values of a dimension of a quantity are parts of its total.
fn is_partition(quantity: &Quantity, dimension: &str) -> bool {
    // Kinds of tokens overlap, and so do the people of teams; a cohort of retention is of a week.
    let is_kind_of_tokens = quantity.name.starts_with("agents.tokens") && dimension == "kind";
    let is_no_part =
        ["team", "cost_center", "week", "month", "cohort", "from", "to", "segment", "tier", "band"]
            .contains(&dimension);
    !is_kind_of_tokens && !is_no_part
}

/// How a range can be split into known ranges and days.
fn splits(range: Range, known: &BTreeSet<Range>) -> Vec<Vec<Range>> {
    let (first, last) = range;
    let mut found = Vec::new();
    let days = |from: i32, to: i32| (from..=to).map(|day| (day, day)).collect::<Vec<Range>>();
    if last - first < 7 {
        found.push(days(first, last));
    }
    if known.contains(&(first, last - 1)) && last - first > 1 {
        found.push(vec![(first, last - 1), (last, last)]);
    }
    if last - first < 8 {
        return found;
    }
    // Complete weeks and the rest at both ends.
    let monday = first + (7 - date(first).weekday().num_days_from_monday() as i32) % 7;
    let mut parts = edge(first, monday - 1, known);
    let mut week = monday;
    while week + 6 <= last {
        parts.extend(edge(week, week + 6, known));
        week += 7;
    }
    parts.extend(edge(week, last, known));
    found.push(parts);
    found
}

/// A range if it is known, else its days.
fn edge(first: i32, last: i32, known: &BTreeSet<Range>) -> Vec<Range> {
    if first > last {
        Vec::new()
    } else if known.contains(&(first, last)) {
        vec![(first, last)]
    } else {
        (first..=last).map(|day| (day, day)).collect()
    }
}
