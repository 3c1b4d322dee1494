//! How published lines reveal each other, and which ones secondary suppression removes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::teams::{Combinations, TeamRelations, is_of_teams};
use super::{Line, Suppression};
use crate::aggregate::metrics::reconcile::METRIC;
use crate::aggregate::metrics::{CountRef, definitions};
use crate::base::calendar::{Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::Population;
use crate::model::number::Number;
use crate::model::scope::ALL_SCOPES;

/// A count that equals `events.count` of one event.
struct EventAlias {
    metric: &'static str,
    /// Its only dimension, if it has one.
    by: Option<(&'static str, &'static str)>,
    event: &'static str,
}

const fn alias(
    metric: &'static str,
    by: Option<(&'static str, &'static str)>,
    event: &'static str,
) -> EventAlias {
    EventAlias { metric, by, event }
}

const EVENT_ALIASES: [EventAlias; 14] = [
    alias("agents.sessions", None, "agent_platform_session_created"),
    alias("agents.sessions", Some(("status", "failed")), "agent_platform_session_dropped"),
    alias("agents.sessions", Some(("status", "finished")), "agent_platform_session_finished"),
    alias("agents.sessions", Some(("status", "stopped")), "agent_platform_session_stopped"),
    alias("chat.messages", None, "request_duo_chat_response"),
    alias("code_review.comments", Some(("kind", "posted")), "post_comment_duo_code_review_on_diff"),
    alias(
        "code_review.reactions",
        Some(("kind", "thumbs_down")),
        "react_thumbs_down_on_duo_code_review_comment",
    ),
    alias("code_review.reactions", Some(("kind", "thumbs_up")), "react_thumbs_up_on_duo_code_review_comment"),
    alias("code_review.requests", Some(("kind", "author")), "request_review_duo_code_review_on_mr_by_author"),
    alias(
        "code_review.requests",
        Some(("kind", "other")),
        "request_review_duo_code_review_on_mr_by_non_author",
    ),
    alias("code_suggestions.accepted", None, "code_suggestion_accepted_in_ide"),
    alias("code_suggestions.rejected", None, "code_suggestion_rejected_in_ide"),
    alias("code_suggestions.shown", None, "code_suggestion_shown_in_ide"),
    alias("troubleshoot.requests", None, "troubleshoot_job"),
];

const RETENTION: &str = "engagement.retention";

/// Metrics whose lines of one period can add up to another metric: (parts, total). The segment
/// `inactive` is no part of the active people.
const PARTITIONS: [(&str, &str); 3] =
    [("chat.user_bands", "chat.users"), (RETENTION, "users.active"), ("engagement.users", "users.active")];

/// Everything by which published lines reveal each other. Lines are referred to by their index.
pub(super) struct Constraints {
    sums: Sums,
    /// A rate, and the counts of one list of [`Unit::revealed_counts`].
    ///
    /// [`Unit::revealed_counts`]: crate::aggregate::metrics::Unit::revealed_counts
    rates: Vec<(usize, Vec<usize>)>,
    /// Two lines with the same value.
    equal: Vec<[usize; 2]>,
    /// A count of seat holders, and the count of people that includes them.
    subsets: Vec<[usize; 2]>,
    /// How values of teams reveal people.
    teams: TeamRelations,
}

impl Constraints {
    /// All constraints among the lines, which are sorted by their keys.
    pub(super) fn of(lines: &[Line<'_>], combinations: &Combinations<'_>) -> Constraints {
        Constraints {
            sums: Sums::of(lines),
            rates: rates(lines),
            equal: equal_pairs(lines),
            subsets: seat_holder_pairs(lines),
            teams: combinations.relations(lines),
        }
    }

    /// Suppresses further lines until no suppressed value can be computed from the others.
    pub(super) fn enforce(&self, lines: &mut [Line<'_>], min_people: u64) {
        suppress_small_differences(lines, &self.subsets, min_people);
        while suppress_second_parts(lines, &self.sums)
            | suppress_rates(lines, &self.rates)
            | suppress_equal(lines, &self.equal)
            | suppress_subsets(lines, &self.subsets)
            | self.teams.suppress(lines, min_people)
        {}
    }
}

/// What distinguishes a line from another one of the same instance and scope.
pub(super) struct LineRef<'a> {
    pub(super) metric: &'a str,
    pub(super) period: Period,
    pub(super) population: Option<Population>,
    pub(super) by: &'a Dimensions,
}

/// The index of a line of the same instance and scope as `line`.
pub(super) fn find(lines: &[Line<'_>], line: &Line<'_>, wanted: &LineRef<'_>) -> Option<usize> {
    let Period { grain, start, end } = wanted.period;
    let key = (wanted.metric, line.instance, line.scope, grain, start, end, wanted.population, wanted.by);
    lines.binary_search_by(|line| line.key().cmp(&key)).ok()
}

/// A dimension and its value.
type Dimension<'a> = (&'a str, &'a str);

/// Sums whose parts and total are all published: of each, none or at least two can be suppressed.
#[derive(Default)]
struct Sums {
    sums: Vec<Sum>,
    /// The parts of all sums as line indices; those of one sum are contiguous.
    parts: Vec<usize>,
}

struct Sum {
    total: Option<usize>,
    /// A range of [`Sums::parts`].
    parts: Range<usize>,
}

impl Sums {
    /// All sums among the lines.
    fn of(lines: &[Line<'_>]) -> Sums {
        let mut sums = Sums::default();
        let mut start = 0;
        for series in lines.chunk_by(|one, other| one.series() == other.series()) {
            sums.add_dimensions(series, start);
            start += series.len();
        }
        start = 0;
        for lines in lines.chunk_by(|one, other| one.metric == other.metric) {
            sums.add_scopes(lines, start);
            start += lines.len();
        }
        start = 0;
        for lines in lines.chunk_by(|one, other| {
            (one.metric, one.instance, one.scope) == (other.metric, other.instance, other.scope)
        }) {
            sums.add_days(lines, start);
            start += lines.len();
        }
        sums.add_partitions(lines);
        sums.add_cohorts(lines);
        sums
    }

    fn add(&mut self, total: Option<usize>, parts: impl IntoIterator<Item = usize>) {
        let start = self.parts.len();
        self.parts.extend(parts);
        self.sums.push(Sum { total, parts: start..self.parts.len() });
    }

    /// Lines that add up to a line of another metric ([`PARTITIONS`]), if their values do.
    fn add_partitions(&mut self, lines: &[Line<'_>]) {
        let size = |at: &usize| lines[*at].n.map_or(0.0, Number::as_f64);
        for (part, total) in PARTITIONS {
            let first = lines.partition_point(|line| line.metric < part);
            let last = lines.partition_point(|line| line.metric <= part);
            let mut start = first;
            for series in lines[first..last].chunk_by(|one, other| one.series() == other.series()) {
                let is_part = |line: &Line<'_>| line.by.get("segment").is_none_or(|name| name != "inactive");
                // Each team has parts of its own.
                let mut by_team: BTreeMap<Dimensions, Vec<usize>> = BTreeMap::new();
                for (at, line) in (start..).zip(series).filter(|(_, line)| is_part(line)) {
                    let team = line.by.iter().filter(|(name, _)| is_of_teams(name)).collect();
                    by_team.entry(team).or_default().push(at);
                }
                start += series.len();
                let line = &series[0];
                if line.population == Some(Population::SeatHolders) {
                    continue;
                }
                for (by, parts) in by_team {
                    let wanted = LineRef { metric: total, period: line.period, population: None, by: &by };
                    if let Some(total) = find(lines, line, &wanted)
                        && size(&total) == parts.iter().map(size).sum::<f64>()
                    {
                        self.add(Some(total), parts);
                    }
                }
            }
        }
    }

    /// Weekly cohorts that add up to a monthly one, if their sizes do: the size of a cohort is that of
    /// its first period.
    fn add_cohorts(&mut self, lines: &[Line<'_>]) {
        let size = |at: &usize| lines[*at].n.map_or(0.0, Number::as_f64);
        let of_age_zero = |dimension: &str| -> Vec<usize> {
            let first = lines.partition_point(|line| line.metric < RETENTION);
            let last = lines.partition_point(|line| line.metric <= RETENTION);
            (first..last).filter(|&at| lines[at].by.get(dimension) == Some("0")).collect()
        };
        let weeks = of_age_zero("week");
        for month in of_age_zero("month") {
            let Line { instance, scope, period, .. } = lines[month];
            let is_part = |&at: &usize| {
                let Line { instance: of, scope: within, period: week, .. } = lines[at];
                (of, within) == (instance, scope) && period.start <= week.start && week.end <= period.end
            };
            let parts: Vec<usize> = weeks.iter().copied().filter(is_part).collect();
            if size(&month) == parts.iter().map(size).sum::<f64>() {
                self.add(Some(month), parts);
            }
        }
    }

    /// Sums across each dimension. `lines` differ only in their dimensions; the first has the index
    /// `start`.
    fn add_dimensions(&mut self, lines: &[Line<'_>], start: usize) {
        // Differences have no total, and the same events are in several of them.
        if lines[0].metric == METRIC {
            return;
        }
        let mut by_dimension: BTreeMap<(&str, Vec<Dimension<'_>>), Vec<usize>> = BTreeMap::new();
        // Medians do not add up.
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.by.contains("stat")) {
            for key in line.by.names().filter(|key| is_summed_over(line, key)) {
                let rest = line.by.iter().filter(|(other, _)| *other != key);
                by_dimension.entry((key, rest.collect())).or_default().push(start + at);
            }
        }
        for ((_, rest), parts) in by_dimension {
            let total = lines.binary_search_by(|line| line.by.iter().cmp(rest.iter().copied())).ok();
            self.add(total.map(|at| start + at), parts);
        }
    }

    /// Sums from the groups to their union. `lines` are those of one metric; the first has the
    /// index `start`.
    fn add_scopes(&mut self, lines: &[Line<'_>], start: usize) {
        let is_union = |at: usize| lines[at].scope == ALL_SCOPES;
        if !(0..lines.len()).any(is_union) {
            return;
        }
        let mut order: Vec<usize> = (0..lines.len()).collect();
        let key = |at: usize| (lines[at].period, lines[at].population, lines[at].by);
        order.sort_by_key(|&at| key(at));
        for same_key in order.chunk_by(|&one, &other| key(one) == key(other)) {
            let parts = || same_key.iter().copied().filter(|&at| !is_union(at));
            // The union of several instances has the instance `*`, the union within one has its
            // URL.
            let instances = parts().map(|at| lines[at].instance).chain(parts().next().map(|_| ALL_SCOPES));
            let union_of = |instance: &str| {
                same_key.iter().copied().find(|&at| is_union(at) && lines[at].instance == instance)
            };
            if let Some(total) = instances.filter_map(union_of).next() {
                self.add(Some(start + total), parts().map(|at| start + at));
            }
        }
    }

    /// Sums from the days to their week, month and last 28 days. `lines` are those of one metric,
    /// instance and scope; the first has the index `start`.
    fn add_days(&mut self, lines: &[Line<'_>], start: usize) {
        if !adds_up_over_days(lines[0].metric) {
            return;
        }
        let totals = || (0..lines.len()).filter(|&at| lines[at].by.is_empty());
        let days: Vec<usize> = totals().filter(|&at| lines[at].period.grain == Grain::Day).collect();
        for total in totals().filter(|&at| lines[at].period.grain != Grain::Day) {
            // Lines are sorted, so the days are in order of time.
            let period = lines[total].period;
            let first = days.partition_point(|&day| lines[day].period.start < period.start);
            let last = days.partition_point(|&day| lines[day].period.start <= period.end);
            if first < last {
                self.add(Some(start + total), days[first..last].iter().map(|at| start + at));
            }
        }
    }
}

/// Whether the values of a dimension add up to something that is published: `v1` of one flow has
/// nothing to do with `v1` of another, and no line counts both. Teams overlap, so they do not add up.
fn is_summed_over(line: &Line<'_>, dimension: &str) -> bool {
    !is_of_teams(dimension) && (dimension != "flow" || !line.by.contains("flow_version"))
}

/// If exactly one line of a sum is suppressed, suppresses its smallest other part or else the
/// total.
fn suppress_second_parts(lines: &mut [Line<'_>], sums: &Sums) -> bool {
    let mut changed = false;
    for sum in &sums.sums {
        let parts = &sums.parts[sum.parts.clone()];
        let suppressed = parts.iter().chain(&sum.total).filter(|&&at| lines[at].suppression.is_some());
        if suppressed.take(2).count() != 1 {
            continue;
        }
        let second = parts
            .iter()
            .copied()
            .filter(|&at| {
                lines[at].suppression.is_none() && lines[at].people != Some(0) && lines[at].value.is_some()
            })
            .min_by(|&a, &b| {
                let size = |line: &Line<'_>| line.n.or(line.value).map_or(0.0, Number::as_f64);
                let (a, b) = (&lines[a], &lines[b]);
                a.people.cmp(&b.people).then(size(a).total_cmp(&size(b))).then(a.key().cmp(&b.key()))
            });
        let has_value = |at: &usize| lines[*at].suppression.is_none() && lines[*at].value.is_some();
        if let Some(second) = second.or(sum.total.filter(has_value)) {
            lines[second].suppression = Some(Suppression::Secondary);
            changed = true;
        }
    }
    changed
}

/// Each rate, with the lines of one list of counts that it reveals.
fn rates(lines: &[Line<'_>]) -> Vec<(usize, Vec<usize>)> {
    let counts_of: BTreeMap<&str, _> =
        definitions().map(|definition| (definition.metric, definition.unit.revealed_counts())).collect();
    let mut rates = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let lines_of = |count: &CountRef| -> Vec<usize> {
            let by: Dimensions = line.by.iter().chain(count.by.iter().copied()).collect();
            let (metric, population) = (count.metric, count.population);
            let find_in = |period| find(lines, line, &LineRef { metric, period, population, by: &by });
            count.periods(line.period).into_iter().filter_map(find_in).collect()
        };
        let counts = counts_of.get(line.metric).copied().unwrap_or_default();
        rates.extend(counts.iter().map(|list| (at, list.iter().flat_map(lines_of).collect())));
    }
    rates
}

/// Suppresses rates that reveal the only suppressed count of a list.
fn suppress_rates(lines: &mut [Line<'_>], rates: &[(usize, Vec<usize>)]) -> bool {
    let mut changed = false;
    for (rate, counts) in rates {
        let suppressed = counts.iter().filter(|&&count| lines[count].suppression.is_some()).count();
        if suppressed == 1 && lines[*rate].suppression.is_none() {
            lines[*rate].suppression = Some(Suppression::Secondary);
            changed = true;
        }
    }
    changed
}

/// Pairs of lines that contain the same value or the same number of cases under two names.
fn equal_pairs(lines: &[Line<'_>]) -> Vec<[usize; 2]> {
    let mut pairs = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let alias = || {
            EVENT_ALIASES.iter().find(|alias| {
                let mut dimensions = line.by.iter();
                alias.metric == line.metric && dimensions.next() == alias.by && dimensions.next().is_none()
            })
        };
        let find_in = |metric, by: &Dimensions| {
            find(lines, line, &LineRef { metric, period: line.period, population: None, by })
        };
        let other = match line.metric {
            "workflow.events" => find_in("events.count", line.by),
            "workflow.users" => find_in("users.exposed", line.by),
            "agents.duration_seconds" => find_in("agents.sessions", &finished_sessions(line.by))
                .filter(|sessions| lines[*sessions].n == line.n),
            "credits.used" => find_in("agents.credits", line.by),
            _ => alias()
                .and_then(|alias| find_in("events.count", &[("event", alias.event)].into_iter().collect())),
        };
        pairs.extend(other.map(|other| [at, other]));
    }
    pairs
}

/// The dimensions of the finished sessions of a duration. Only they have a duration where GitLab
/// aggregates sessions.
fn finished_sessions(duration: &Dimensions) -> Dimensions {
    let by = duration.iter().filter(|(name, _)| *name != "stat");
    by.chain([("status", "finished")]).collect()
}

/// Suppresses the other line of a pair with the same value.
fn suppress_equal(lines: &mut [Line<'_>], pairs: &[[usize; 2]]) -> bool {
    let mut changed = false;
    for pair in pairs {
        for [one, other] in [[pair[0], pair[1]], [pair[1], pair[0]]] {
            if lines[one].suppression.is_some() && lines[other].suppression.is_none() {
                lines[other].suppression = Some(Suppression::Secondary);
                changed = true;
            }
        }
    }
    changed
}

/// Pairs of a line that counts seat holders and the line that counts all people in their place.
/// Active people were seen, so the first are a subset of the second. This is not true for the
/// inactive: a seat holder may never have been seen, and the difference is not a count of people.
fn seat_holder_pairs(lines: &[Line<'_>]) -> Vec<[usize; 2]> {
    let is_subset = |(_, line): &(usize, &Line<'_>)| {
        line.population == Some(Population::SeatHolders) && line.by.values().any(|value| value != "inactive")
    };
    let all_people = |line: &Line<'_>| {
        let (metric, period, by) = (line.metric, line.period, line.by);
        find(lines, line, &LineRef { metric, period, population: Some(Population::People), by })
    };
    let pairs = lines.iter().enumerate().filter(is_subset);
    pairs.filter_map(|(subset, line)| Some([subset, all_people(line)?])).collect()
}

/// Suppresses counts of seat holders whose difference from all people is below `min_people`.
fn suppress_small_differences(lines: &mut [Line<'_>], pairs: &[[usize; 2]], min_people: u64) {
    for [subset, all] in pairs {
        let people = |at: &usize| lines[*at].people.filter(|_| lines[*at].value.is_some());
        let others = people(all).zip(people(subset)).map(|(all, subset)| all.abs_diff(subset));
        if others.is_some_and(|others| others > 0 && others < min_people) {
            lines[*subset].suppression = lines[*subset].suppression.or(Some(Suppression::Secondary));
        }
    }
}

/// Suppresses counts of seat holders where the count of all people is suppressed: they are most of
/// it.
fn suppress_subsets(lines: &mut [Line<'_>], pairs: &[[usize; 2]]) -> bool {
    let mut changed = false;
    for [subset, all] in pairs {
        let has_people = lines[*subset].suppression.is_none() && lines[*subset].people != Some(0);
        if lines[*all].suppression.is_some() && has_people {
            lines[*subset].suppression = Some(Suppression::Secondary);
            changed = true;
        }
    }
    changed
}

/// Whether the days of a metric add up to a longer period. Distinct people do not, so a suppressed
/// day cannot be computed from them.
fn adds_up_over_days(metric: &str) -> bool {
    let people =
        ["users.", "seats.", "engagement.", "coverage."].iter().any(|family| metric.starts_with(family));
    !people && !metric.ends_with("users") && !metric.ends_with("_seconds") && !metric.contains(".per_")
}
