//! What may leave: small groups hidden, and what would give them away by subtraction.
//!
//! Every page, card and table file is built from [`publish`]ed lines, so hiding cannot be forgotten
//! in one place. Sums are made before this, in `aggregate`: totals stay true.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::aggregate::metrics::{Count, definitions};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::record::{ALL_SCOPES, Metric, Number, Population, Reason};

/// A metric line as it may leave. When `hidden` is set, all that counts people or their doings is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// The GitLab it speaks of.
    pub instance: &'a str,
    /// The group path, or the union.
    pub scope: &'a str,
    /// The period.
    pub period: Period,
    /// Who is counted, where that is a choice.
    pub population: Option<Population>,
    /// The dimensions.
    pub by: &'a Dimensions,
    /// The number; null when it is hidden or not known.
    pub value: Option<Number>,
    /// The numerator, the count or the observations.
    pub n: Option<Number>,
    /// The denominator.
    pub of: Option<Number>,
    /// Distinct people behind the value.
    pub people: Option<u64>,
    /// Complete days / days of the period.
    pub coverage: f64,
    /// Days known from imported events alone / days of the period.
    pub imported: f64,
    /// Share of the rows that carry the measured field.
    pub basis: Option<f64>,
    /// Whether the period is settled.
    pub is_final: bool,
    /// Why `value` is null, when it is not hidden.
    pub reason: Option<Reason>,
    /// The file of prices that it rests on.
    pub prices: Option<&'a str>,
    /// Why the numbers were taken out.
    pub hidden: Option<Hidden>,
}

/// Why the numbers of a line were taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hidden {
    /// Fewer people than this are behind it.
    Under(u64),
    /// With it, a small group could be computed.
    Subtraction,
}

impl Hidden {
    /// What stands in the place of the number.
    pub fn text(self) -> String {
        match self {
            Hidden::Under(threshold) => format!("under {threshold}"),
            Hidden::Subtraction => "hidden".into(),
        }
    }

    /// The word in the files.
    pub fn as_str(self) -> &'static str {
        match self {
            Hidden::Under(_) => "small_group",
            Hidden::Subtraction => "subtraction",
        }
    }
}

/// A metric, its dimension where it has one, and the event of `events.count`.
type OtherName = (&'static str, Option<(&'static str, &'static str)>, &'static str);

/// Counts of one event by another name.
const EVENTS: [OtherName; 14] = [
    ("agents.sessions", None, "agent_platform_session_created"),
    ("agents.sessions", Some(("status", "failed")), "agent_platform_session_dropped"),
    ("agents.sessions", Some(("status", "finished")), "agent_platform_session_finished"),
    ("agents.sessions", Some(("status", "stopped")), "agent_platform_session_stopped"),
    ("chat.messages", None, "request_duo_chat_response"),
    ("code_review.comments", Some(("kind", "posted")), "post_comment_duo_code_review_on_diff"),
    ("code_review.reactions", Some(("kind", "thumbs_down")), "react_thumbs_down_on_duo_code_review_comment"),
    ("code_review.reactions", Some(("kind", "thumbs_up")), "react_thumbs_up_on_duo_code_review_comment"),
    ("code_review.requests", Some(("kind", "author")), "request_review_duo_code_review_on_mr_by_author"),
    ("code_review.requests", Some(("kind", "other")), "request_review_duo_code_review_on_mr_by_non_author"),
    ("code_suggestions.accepted", None, "code_suggestion_accepted_in_ide"),
    ("code_suggestions.rejected", None, "code_suggestion_rejected_in_ide"),
    ("code_suggestions.shown", None, "code_suggestion_shown_in_ide"),
    ("troubleshoot.requests", None, "troubleshoot_job"),
];

/// Metrics whose lines of a period can add up to another metric; who is inactive is none of those who are active.
const WHOLES: [(&str, &str); 3] = [
    ("chat.user_bands", "chat.users"),
    ("engagement.retention", "users.active"),
    ("engagement.users", "users.active"),
];

/// The lines that may leave, in a fixed order.
///
/// - A line with fewer than `small_group` people behind it, but at least one, loses its numbers.
/// - Where one cell of a sum would then be the difference of the others, a second one loses them too:
///   across each dimension, from the groups to their union, and from the days to their week, month and window; without
///   a second one, the sum does.
/// - Of the two series of people and of seat holders the latter loses what would tell, less than the former, of few people
///   without a seat.
/// - A rate that tells a hidden number, by what its unit says of it, loses its own.
/// - Where two lines tell the same number by two names, both lose it.
/// - Day lines by dimension do not leave at all.
pub fn publish<'a>(metrics: impl IntoIterator<Item = &'a Metric>, small_group: u64) -> Vec<Line<'a>> {
    let mut lines: Vec<Line> =
        metrics.into_iter().filter(|metric| may_leave(metric)).map(Line::new).collect();
    lines.sort_by(|a, b| a.key().cmp(&b.key()));
    lines.dedup_by(|a, b| a.key() == b.key());

    for line in &mut lines {
        let small = line.people.is_some_and(|people| people > 0 && people < small_group);
        // A bot is not a person; it is hidden only where it would give people away.
        if small && line.by.get("kind").is_none_or(|kind| kind != "bot") {
            line.hidden = Some(Hidden::Under(small_group));
        }
    }
    let (sums, rates, twins, within) = (Sums::of(&lines), rates(&lines), twins(&lines), within(&lines));
    hide_small_differences(&mut lines, &within, small_group);
    while hide_second_cells(&mut lines, &sums)
        | hide_rates(&mut lines, &rates)
        | hide_twins(&mut lines, &twins)
        | hide_within(&mut lines, &within)
    {}

    for line in lines.iter_mut().filter(|line| line.hidden.is_some()) {
        // What is not known is not hidden, and why it is not known stays. That there are too few of something reveals how many.
        if line.value.is_none() && line.reason.is_some_and(|reason| reason != Reason::TooFew) {
            line.hidden = None;
        } else {
            line.reason = None;
        }
        (line.value, line.n, line.of, line.people, line.basis) = (None, None, None, None, None);
    }
    lines
}

/// Whether a line is of those that leave at all: a day is not split by what people did.
pub fn may_leave(metric: &Metric) -> bool {
    metric.grain != Grain::Day || metric.by.is_empty() || is_about_no_person(&metric.metric)
}

/// What a line speaks of, in the order of the lines.
type Key<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day, Option<Population>, &'a Dimensions);

impl<'a> Line<'a> {
    fn new(metric: &'a Metric) -> Line<'a> {
        Line {
            metric: &metric.metric,
            instance: &metric.instance,
            scope: &metric.scope,
            period: metric.period(),
            population: metric.population,
            by: &metric.by,
            value: metric.value,
            n: metric.n,
            of: metric.of,
            people: metric.people,
            coverage: metric.coverage,
            imported: metric.imported,
            basis: metric.basis,
            is_final: metric.is_final,
            reason: metric.reason,
            prices: metric.prices.as_deref(),
            hidden: None,
        }
    }

    fn key(&self) -> Key<'a> {
        let Period { grain, start, end } = self.period;
        (self.metric, self.instance, self.scope, grain, start, end, self.population, self.by)
    }

    /// Where and when it is, and of whom: lines that differ in their dimensions alone have the same.
    fn place(&self) -> impl Ord + use<'a> {
        (self.metric, self.instance, self.scope, self.period, self.population)
    }
}

/// The place of the line of another metric, of a population where it has several, or other dimensions, of a period of the
/// same group.
fn beside(
    lines: &[Line<'_>],
    line: &Line<'_>,
    period: Period,
    (metric, population): (&str, Option<Population>),
    by: &Dimensions,
) -> Option<usize> {
    let Period { grain, start, end } = period;
    let key = (metric, line.instance, line.scope, grain, start, end, population, by);
    lines.binary_search_by(|line| line.key().cmp(&key)).ok()
}

/// A dimension and its value.
type Dimension<'a> = (&'a str, &'a str);

/// Sums whose parts and whole are all published: of each at most none or at least two may be hidden.
#[derive(Default)]
struct Sums {
    sums: Vec<Sum>,
    /// The parts of all of them, as positions: those of one sum stand together.
    parts: Vec<usize>,
}

struct Sum {
    whole: Option<usize>,
    parts: Range<usize>,
}

impl Sums {
    /// Every sum among the lines.
    fn of(lines: &[Line<'_>]) -> Sums {
        let mut sums = Sums::default();
        let mut start = 0;
        for cells in lines.chunk_by(|one, other| one.place() == other.place()) {
            sums.add_dimensions(cells, start);
            start += cells.len();
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
        sums.add_other_metrics(lines);
        sums
    }

    /// Of lines that add up to a line of another metric, where their numbers do.
    fn add_other_metrics(&mut self, lines: &[Line<'_>]) {
        let size = |at: &usize| lines[*at].n.map_or(0.0, Number::as_f64);
        for (part, whole) in WHOLES {
            let first = lines.partition_point(|line| line.metric < part);
            let last = lines.partition_point(|line| line.metric <= part);
            let of_part = lines[first..last].chunk_by(|one, other| one.place() == other.place());
            let mut start = first;
            for cells in of_part {
                let is_part = |line: &Line<'_>| line.by.get("segment").is_none_or(|name| name != "inactive");
                let parts: Vec<usize> =
                    (start..).zip(cells).filter(|(_, line)| is_part(line)).map(|(at, _)| at).collect();
                start += cells.len();
                if cells[0].population == Some(Population::SeatHolders) {
                    continue;
                }
                let whole = beside(lines, &cells[0], cells[0].period, (whole, None), &Dimensions::default());
                if let Some(whole) = whole
                    && size(&whole) == parts.iter().map(size).sum::<f64>()
                {
                    self.add(Some(whole), parts);
                }
            }
        }
    }

    fn add(&mut self, whole: Option<usize>, parts: impl IntoIterator<Item = usize>) {
        let start = self.parts.len();
        self.parts.extend(parts);
        self.sums.push(Sum { whole, parts: start..self.parts.len() });
    }

    /// Across each dimension: of lines that differ in nothing else, the first of which is at `start`.
    fn add_dimensions(&mut self, cells: &[Line<'_>], start: usize) {
        let mut by_dimension: BTreeMap<(&str, Vec<Dimension<'_>>), Vec<usize>> = BTreeMap::new();
        // A median is not part of a median of all.
        for (at, line) in cells.iter().enumerate().filter(|(_, line)| !line.by.contains("stat")) {
            for key in line.by.names() {
                let rest = line.by.iter().filter(|(other, _)| *other != key);
                by_dimension.entry((key, rest.collect())).or_default().push(start + at);
            }
        }
        for ((_, rest), parts) in by_dimension {
            let by_of = |line: &Line<'_>| line.by.iter().cmp(rest.iter().copied());
            let whole = cells.binary_search_by(by_of).ok();
            self.add(whole.map(|at| start + at), parts);
        }
    }

    /// From the groups to their union: of the lines of a metric, the first of which is at `start`.
    fn add_scopes(&mut self, lines: &[Line<'_>], start: usize) {
        let is_union = |at: usize| lines[at].scope == ALL_SCOPES;
        if !(0..lines.len()).any(is_union) {
            return;
        }
        let mut order: Vec<usize> = (0..lines.len()).collect();
        let kind = |at: usize| (lines[at].period, lines[at].population, lines[at].by);
        order.sort_by_key(|&at| kind(at));
        for alike in order.chunk_by(|&one, &other| kind(one) == kind(other)) {
            let parts = || alike.iter().copied().filter(|&at| !is_union(at));
            // The union of several GitLabs has the instance `*`, the union within one has its URL.
            let instances = parts().map(|at| lines[at].instance).chain(parts().next().map(|_| ALL_SCOPES));
            let union_of = |instance: &str| {
                alike.iter().copied().find(|&at| is_union(at) && lines[at].instance == instance)
            };
            if let Some(whole) = instances.filter_map(union_of).next() {
                self.add(Some(start + whole), parts().map(|at| start + at));
            }
        }
    }

    /// From the days to their week, month and window: of the lines of a metric and group, the first of which is at `start`.
    fn add_days(&mut self, lines: &[Line<'_>], start: usize) {
        if !adds_up_over_days(lines[0].metric) {
            return;
        }
        let totals = || (0..lines.len()).filter(|&at| lines[at].by.is_empty());
        let days: Vec<usize> = totals().filter(|&at| lines[at].period.grain == Grain::Day).collect();
        for whole in totals().filter(|&at| lines[at].period.grain != Grain::Day) {
            // The days are in order of time, as the lines are.
            let period = lines[whole].period;
            let first = days.partition_point(|&day| lines[day].period.start < period.start);
            let last = days.partition_point(|&day| lines[day].period.start <= period.end);
            if first < last {
                self.add(Some(start + whole), days[first..last].iter().map(|at| start + at));
            }
        }
    }
}

fn hide_second_cells(lines: &mut [Line<'_>], sums: &Sums) -> bool {
    let mut changed = false;
    for sum in &sums.sums {
        let parts = &sums.parts[sum.parts.clone()];
        let mut hidden = parts.iter().chain(&sum.whole).filter(|&&at| lines[at].hidden.is_some());
        if hidden.next().is_none() || hidden.next().is_some() {
            continue;
        }
        let second = parts
            .iter()
            .copied()
            .filter(|&at| {
                lines[at].hidden.is_none() && lines[at].people != Some(0) && lines[at].value.is_some()
            })
            .min_by(|&a, &b| {
                let size = |line: &Line<'_>| line.n.or(line.value).map_or(0.0, Number::as_f64);
                let (a, b) = (&lines[a], &lines[b]);
                a.people.cmp(&b.people).then(size(a).total_cmp(&size(b))).then(a.key().cmp(&b.key()))
            });
        let can_be_hidden = |at: &usize| lines[*at].hidden.is_none() && lines[*at].value.is_some();
        if let Some(second) = second.or(sum.whole.filter(can_be_hidden)) {
            lines[second].hidden = Some(Hidden::Subtraction);
            changed = true;
        }
    }
    changed
}

/// Rate lines, each with lines that add up to one of its numbers.
fn rates(lines: &[Line<'_>]) -> Vec<(usize, Vec<usize>)> {
    let counts_of: BTreeMap<&str, _> =
        definitions().map(|definition| (definition.metric, definition.unit.counts())).collect();
    let mut rates = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let cells = |count: &Count| -> Vec<usize> {
            let by = line.by.iter().chain(count.by.iter().copied()).collect();
            let periods = count.periods(line.period).into_iter();
            let metric = (count.metric, count.population);
            periods.filter_map(|period| beside(lines, line, period, metric, &by)).collect()
        };
        let counts = counts_of.get(line.metric).copied().unwrap_or_default();
        rates.extend(counts.iter().map(|list| (at, list.iter().flat_map(cells).collect())));
    }
    rates
}

fn hide_rates(lines: &mut [Line<'_>], rates: &[(usize, Vec<usize>)]) -> bool {
    let mut changed = false;
    for (rate, cells) in rates {
        let is_given_away = cells.iter().filter(|&&cell| lines[cell].hidden.is_some()).count() == 1;
        if is_given_away && lines[*rate].hidden.is_none() {
            lines[*rate].hidden = Some(Hidden::Subtraction);
            changed = true;
        }
    }
    changed
}

/// Pairs of lines that tell the same number by two names.
fn twins(lines: &[Line<'_>]) -> Vec<[usize; 2]> {
    let mut twins = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let event = || {
            EVENTS.iter().find(|(metric, by, _)| {
                let mut dimensions = line.by.iter();
                *metric == line.metric && dimensions.next() == *by && dimensions.next().is_none()
            })
        };
        let twin = match line.metric {
            "workflow.events" => beside(lines, line, line.period, ("events.count", None), line.by),
            "workflow.users" => beside(lines, line, line.period, ("users.exposed", None), line.by),
            _ => event().and_then(|(_, _, event)| {
                let by = [("event", *event)].into_iter().collect();
                beside(lines, line, line.period, ("events.count", None), &by)
            }),
        };
        twins.extend(twin.map(|twin| [at, twin]));
    }
    twins
}

fn hide_twins(lines: &mut [Line<'_>], twins: &[[usize; 2]]) -> bool {
    let mut changed = false;
    for pair in twins {
        for [hidden, other] in [[pair[0], pair[1]], [pair[1], pair[0]]] {
            if lines[hidden].hidden.is_some() && lines[other].hidden.is_none() {
                lines[other].hidden = Some(Hidden::Subtraction);
                changed = true;
            }
        }
    }
    changed
}

/// Pairs of lines of which the first counts seat holders, and the second everybody, in the same place. Who was active is seen, so
/// that all of the first are among those of the second. Of the inactive they are not: somebody with a seat may never have
/// been seen, and the difference of the two is nobody's number.
fn within(lines: &[Line<'_>]) -> Vec<[usize; 2]> {
    let is_part = |(_, line): &(usize, &Line<'_>)| {
        line.population == Some(Population::SeatHolders) && line.by.values().any(|value| value != "inactive")
    };
    let pairs = lines.iter().enumerate().filter(is_part).filter_map(|(part, line)| {
        Some([part, beside(lines, line, line.period, (line.metric, Some(Population::People)), line.by)?])
    });
    pairs.collect()
}

/// Hides numbers of seat holders which are a small group less than everybody.
fn hide_small_differences(lines: &mut [Line<'_>], within: &[[usize; 2]], small_group: u64) {
    for [part, whole] in within {
        let people = |at: &usize| lines[*at].people.filter(|_| lines[*at].value.is_some());
        let others = people(whole).zip(people(part)).map(|(whole, part)| whole.abs_diff(part));
        if others.is_some_and(|others| others > 0 && others < small_group) {
            lines[*part].hidden = lines[*part].hidden.or(Some(Hidden::Subtraction));
        }
    }
}

/// Hides numbers of seat holders in a group of which that of everybody is hidden: they are most of it.
fn hide_within(lines: &mut [Line<'_>], within: &[[usize; 2]]) -> bool {
    let mut changed = false;
    for [part, whole] in within {
        let is_told = lines[*part].hidden.is_none() && lines[*part].people != Some(0);
        if lines[*whole].hidden.is_some() && is_told {
            lines[*part].hidden = Some(Hidden::Subtraction);
            changed = true;
        }
    }
    changed
}

/// Distinct people of a week are not the sum of its days' people, so a day cannot be computed from them.
fn adds_up_over_days(metric: &str) -> bool {
    let people =
        ["users.", "seats.", "engagement.", "coverage."].iter().any(|family| metric.starts_with(family));
    !people && !metric.ends_with("users") && !metric.ends_with("_seconds") && !metric.contains(".per_")
}

/// Whether a metric says nothing of what anybody did on a day: seats by add-on, and days by collector.
pub fn is_about_no_person(metric: &str) -> bool {
    metric.starts_with("coverage.") || metric == "seats.purchased" || metric == "seats.assigned"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    fn cell(metric: &'static str, by: &[(&str, &str)], value: u64, people: Option<u64>) -> Metric {
        Metric {
            metric: metric.into(),
            instance: "https://gitlab.example.com".into(),
            scope: "acme".into(),
            grain: Grain::Window,
            start: day("2026-10-04"),
            end: day("2026-10-31"),
            by: by.iter().copied().collect(),
            population: None,
            value: Some(Number::Count(value)),
            n: Some(Number::Count(value)),
            of: None,
            people,
            coverage: 1.0,
            imported: 0.0,
            basis: Some(1.0),
            is_final: true,
            reason: None,
            prices: None,
        }
    }

    fn on(day_text: &str, mut metric: Metric) -> Metric {
        (metric.grain, metric.start, metric.end) = (Grain::Day, day(day_text), day(day_text));
        metric
    }

    fn hidden(lines: &[Line<'_>]) -> Vec<String> {
        let name = |line: &Line<'_>| match line.by.values().next() {
            Some(_) => line.by.values().collect::<Vec<_>>().join("×"),
            None => format!("{} {}", line.scope, line.period.start),
        };
        lines.iter().filter(|line| line.hidden.is_some()).map(name).collect()
    }

    #[test]
    fn small_groups_lose_every_number_and_zero_people_stay() {
        let metrics = [cell("chat.messages", &[], 40, Some(4)), cell("troubleshoot.users", &[], 0, Some(0))];
        let lines = publish(&metrics, 5);
        assert_eq!(lines[0].hidden, Some(Hidden::Under(5)));
        assert_eq!((lines[0].value, lines[0].n, lines[0].people, lines[0].basis), (None, None, None, None));
        assert_eq!((lines[1].hidden, lines[1].value), (None, Some(Number::Count(0))));
    }

    #[test]
    fn the_threshold_itself_is_visible_and_settable() {
        let metrics = [cell("chat.messages", &[], 40, Some(5))];
        assert_eq!(publish(&metrics, 5)[0].hidden, None);
        assert_eq!(publish(&metrics, 6)[0].hidden, Some(Hidden::Under(6)));
    }

    #[test]
    fn a_lone_hidden_cell_takes_the_next_smallest_with_it() {
        let metrics = [
            cell("code_suggestions.shown", &[], 1_000, Some(40)),
            cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
            cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
            cell("code_suggestions.shown", &[("language", "cobol")], 50, Some(2)),
            cell("code_suggestions.shown", &[("language", "lua")], 0, Some(0)),
        ];
        let lines = publish(&metrics, 5);
        assert_eq!(hidden(&lines), ["cobol", "go"]);
        let by_reason = |language: &str| {
            let found = lines.iter().find(|line| line.by.get("language") == Some(language));
            found.and_then(|line| line.hidden)
        };
        assert_eq!(by_reason("cobol"), Some(Hidden::Under(5)));
        assert_eq!(by_reason("go"), Some(Hidden::Subtraction));
    }

    #[test]
    fn two_hidden_cells_protect_each_other() {
        let metrics = [
            cell("events.count", &[("event", "a")], 700, Some(30)),
            cell("events.count", &[("event", "b")], 5, Some(2)),
            cell("events.count", &[("event", "c")], 5, Some(3)),
        ];
        let lines = publish(&metrics, 5);
        assert_eq!(hidden(&lines), ["b", "c"]);
    }

    #[test]
    fn a_hidden_margin_cannot_be_summed_from_its_crosses() {
        let metrics = [
            cell("code_suggestions.shown", &[], 1_000, Some(40)),
            cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
            cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
            cell("code_suggestions.shown", &[("language", "lua")], 50, Some(2)),
            cell("code_suggestions.shown", &[("language", "go"), ("ide", "vim")], 100, Some(6)),
            cell("code_suggestions.shown", &[("language", "go"), ("ide", "zed")], 150, Some(7)),
            cell("code_suggestions.shown", &[("language", "rust"), ("ide", "vim")], 300, Some(16)),
            cell("code_suggestions.shown", &[("language", "rust"), ("ide", "zed")], 400, Some(17)),
        ];
        let lines = publish(&metrics, 5);
        // `go` goes with `lua`; then one of go's crosses; then that editor's next cell, and so on round.
        let names = hidden(&lines);
        assert!(names.contains(&"go".to_owned()) && names.contains(&"vim×go".to_owned()), "{names:?}");
        assert!(names.contains(&"vim×rust".to_owned()), "{names:?}");
    }

    #[test]
    fn a_hidden_number_is_not_told_by_its_other_name() {
        let by = |event| [("event", event)];
        let metrics = [
            cell("events.count", &by("explain_vulnerability"), 5, Some(2)),
            cell("events.count", &by("troubleshoot_job"), 20, Some(9)),
            cell("events.count", &by("react_thumbs_up_on_duo_code_review_comment"), 30, Some(10)),
            cell("events.count", &by("summarize_review"), 40, Some(11)),
            cell("troubleshoot.requests", &[], 20, Some(9)),
            cell("code_review.reactions", &[("kind", "thumbs_up")], 30, Some(10)),
            cell("workflow.events", &by("explain_vulnerability"), 5, Some(2)),
            cell("workflow.events", &by("summarize_review"), 40, Some(11)),
        ];
        let lines = publish(&metrics, 5);
        let is_hidden = |metric: &str, value: &str| {
            let of = |line: &&Line<'_>| line.metric == metric && line.by.values().all(|text| text == value);
            lines.iter().find(of).expect("it is there").hidden.is_some()
        };
        assert!(is_hidden("events.count", "troubleshoot_job") && is_hidden("troubleshoot.requests", ""));
        assert!(
            is_hidden("workflow.events", "summarize_review") && is_hidden("events.count", "summarize_review")
        );
        assert!(!is_hidden("code_review.reactions", "thumbs_up"));
    }

    #[test]
    fn of_a_square_no_row_or_column_gives_its_only_hidden_cell_away() {
        let segments = ["heavy", "regular", "inactive"];
        let people = [[40, 7, 2], [9, 30, 12], [6, 8, 90]];
        let cells = (0..3).flat_map(|from| (0..3).map(move |to| (from, to)));
        let metrics: Vec<Metric> = cells
            .map(|(from, to)| {
                let by = [("from", segments[from]), ("to", segments[to])];
                cell("engagement.movement", &by, people[from][to], Some(people[from][to]))
            })
            .collect();
        let lines = publish(&metrics, 5);
        for side in ["from", "to"] {
            for segment in segments {
                let of_segment = lines.iter().filter(|line| line.by.get(side) == Some(segment));
                let hidden = of_segment.filter(|line| line.hidden.is_some()).count();
                assert!(hidden != 1, "{side} {segment}");
            }
        }
        assert!(lines.iter().any(|line| line.hidden.is_none()), "not all has to go");
    }

    fn among(population: Population, mut metric: Metric) -> Metric {
        metric.population = Some(population);
        metric
    }

    /// Segments of everybody, and of seat holders.
    fn segments(people: [u64; 4], holders: [u64; 4]) -> Vec<Metric> {
        let names = ["heavy", "regular", "experimenting", "inactive"];
        let series = [(Population::People, people), (Population::SeatHolders, holders)];
        let cells = series.into_iter().flat_map(|(population, of)| {
            names.iter().zip(of).map(move |(name, people)| {
                among(population, cell("engagement.users", &[("segment", *name)], people, Some(people)))
            })
        });
        cells.collect()
    }

    fn hidden_of(lines: &[Line<'_>], population: Population) -> Vec<String> {
        let of: Vec<Line<'_>> =
            lines.iter().filter(|line| line.population == Some(population)).cloned().collect();
        hidden(&of)
    }

    #[test]
    fn the_difference_of_people_and_seat_holders_is_no_small_group() {
        // Three heavy users have no seat: their number would be a difference. A second cell goes along.
        let metrics = segments([40, 30, 20, 50], [37, 20, 10, 80]);
        let lines = publish(&metrics, 5);
        assert_eq!(hidden_of(&lines, Population::SeatHolders), ["experimenting", "heavy"]);
        assert_eq!(hidden_of(&lines, Population::People), Vec::<String>::new());
        // None without a seat, or many, are no secret; of the inactive the difference is no group.
        let metrics = segments([40, 30, 20, 50], [40, 25, 0, 48]);
        assert!(publish(&metrics, 5).iter().all(|line| line.hidden.is_none()));
        // A value suppressed for everybody must not follow from that of seat holders.
        let metrics = segments([40, 30, 7, 2], [40, 30, 7, 0]);
        let lines = publish(&metrics, 5);
        assert_eq!(hidden_of(&lines, Population::People), ["experimenting", "inactive"]);
        assert!(hidden_of(&lines, Population::SeatHolders).contains(&"experimenting".to_owned()));
    }

    #[test]
    fn two_populations_are_not_parts_of_one_sum() {
        // Were both of one sum, the two small cells would protect each other.
        let metrics = segments([40, 30, 3, 50], [20, 12, 3, 30]);
        let lines = publish(&metrics, 5);
        for population in [Population::People, Population::SeatHolders] {
            assert_eq!(hidden_of(&lines, population).len(), 2, "{population:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_hidden_and_keeps_its_reason() {
        let unknown = |metric, reason, n: u64, people| {
            let mut line = cell(metric, &[], n, Some(people));
            (line.value, line.reason) = (None, Some(reason));
            line
        };
        let metrics = [
            unknown("code_suggestions.acceptance_rate", Reason::NothingShown, 3, 2),
            unknown("impact.size_lines", Reason::TooFew, 1, 1),
        ];
        let lines = publish(&metrics, 5);
        let [rate, interval] = &lines[..] else { panic!("two lines: {lines:?}") };
        assert_eq!((rate.hidden, rate.reason), (None, Some(Reason::NothingShown)));
        assert_eq!((rate.n, rate.people, rate.basis), (None, None, None), "two people stand behind it");
        // That there is one of something is a number, too.
        assert_eq!((interval.hidden, interval.reason), (Some(Hidden::Under(5)), None));
    }

    #[test]
    fn a_lone_hidden_day_takes_a_second_one_where_days_add_up() {
        let mut metrics = vec![{
            let mut week = cell("chat.messages", &[], 60, Some(20));
            (week.grain, week.start, week.end) = (Grain::Week, day("2026-10-05"), day("2026-10-11"));
            week
        }];
        for (text, people) in [("2026-10-05", 20), ("2026-10-06", 11), ("2026-10-07", 12), ("2026-10-11", 2)]
        {
            metrics.push(on(text, cell("chat.messages", &[], 15, Some(people))));
            metrics.push(on(text, cell("chat.users", &[], people, Some(people))));
        }
        let lines = publish(&metrics, 5);
        assert_eq!(hidden(&lines), ["acme 2026-10-06", "acme 2026-10-11", "acme 2026-10-11"]);
    }

    #[test]
    fn a_lone_hidden_group_takes_a_second_one() {
        let in_scope = |scope: &str, value: u64, people: u64| {
            let mut metric = cell("chat.messages", &[], value, Some(people));
            metric.scope = scope.into();
            metric
        };
        let metrics =
            [in_scope("*", 100, 30), in_scope("a", 60, 20), in_scope("b", 35, 9), in_scope("c", 5, 1)];
        let lines = publish(&metrics, 5);
        assert_eq!(hidden(&lines), ["b 2026-10-04", "c 2026-10-04"]);
    }

    #[test]
    fn a_rate_goes_with_its_parts() {
        let by = [("language", "go")];
        let metrics = [
            cell("code_suggestions.shown", &by, 100, Some(12)),
            cell("code_suggestions.accepted", &by, 10, Some(3)),
            cell("code_suggestions.acceptance_rate", &by, 10, Some(12)),
        ];
        let lines = publish(&metrics, 5);
        assert_eq!(lines[0].metric, "code_suggestions.acceptance_rate");
        assert_eq!(lines[0].hidden, Some(Hidden::Subtraction));
        assert_eq!(lines[2].hidden, None);
    }

    #[test]
    fn bots_are_not_people_but_do_not_give_people_away() {
        let hidden_beside = |people| {
            hidden(&publish(
                &[
                    cell("events.count", &[("kind", "person")], 100, Some(people)),
                    cell("events.count", &[("kind", "bot")], 9, Some(1)),
                ],
                5,
            ))
        };
        assert_eq!(hidden_beside(20), Vec::<String>::new());
        assert_eq!(hidden_beside(2), ["bot", "person"]);
    }

    #[test]
    fn day_lines_by_dimension_do_not_leave() {
        let metrics = [
            on("2026-10-05", cell("code_suggestions.shown", &[("language", "rust")], 9, Some(50))),
            on("2026-10-05", cell("code_suggestions.shown", &[], 9, Some(50))),
            on("2026-10-05", cell("seats.assigned", &[("add_on", "DUO_ENTERPRISE")], 300, None)),
        ];
        let lines = publish(&metrics, 5);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| !line.by.contains("language")));
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let metrics = vec![
            cell("events.count", &[("event", "a")], 700, Some(30)),
            cell("events.count", &[("event", "b")], 5, Some(2)),
            cell("events.count", &[("event", "c")], 5, Some(30)),
        ];
        let lines = publish(&metrics, 5);
        let mut others = metrics.clone();
        others.reverse();
        others.push(metrics[0].clone());
        assert_eq!(publish(&others, 5), lines);
    }
}
