//! What may leave: small groups hidden, and what would give them away by subtraction.
//!
//! Every page, card and table file is built from [`publish`]ed lines, so hiding cannot be forgotten
//! in one place. Sums are made before this, in `aggregate`: totals stay true.

use std::collections::BTreeMap;

use crate::calendar::{Day, Grain, Period};
use crate::metrics::{Count, definitions};
use crate::record::{ALL_SCOPES, Metric, Number, Reason};

/// A metric line as it may leave. When `hidden` is set, all that counts people or their doings is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The metric's name.
    pub metric: String,
    /// The GitLab it speaks of.
    pub instance: String,
    /// The group path, or the union.
    pub scope: String,
    /// The period.
    pub period: Period,
    /// The dimensions.
    pub by: BTreeMap<String, String>,
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
    /// Share of the rows that carry the measured field.
    pub basis: Option<f64>,
    /// Whether the period is settled.
    pub is_final: bool,
    /// Why `value` is null, when it is not hidden.
    pub reason: Option<Reason>,
    /// The file of prices that it rests on.
    pub prices: Option<String>,
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
/// - A rate that tells a hidden number, by what its unit says of it, loses its own.
/// - Where two lines tell the same number by two names, both lose it.
/// - Day lines by dimension do not leave at all.
pub fn publish<'a>(metrics: impl IntoIterator<Item = &'a Metric>, small_group: u64) -> Vec<Line> {
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
    let index = lines.iter().enumerate().map(|(at, line)| (line.key(), at)).collect();
    let (sums, rates, twins) = (sums(&lines, &index), rates(&lines, &index), twins(&lines, &index));
    while hide_second_cells(&mut lines, &sums)
        | hide_rates(&mut lines, &rates)
        | hide_twins(&mut lines, &twins)
    {}

    for line in lines.iter_mut().filter(|line| line.hidden.is_some()) {
        (line.value, line.n, line.of, line.people, line.basis, line.reason) =
            (None, None, None, None, None, None);
    }
    lines
}

/// Whether a line is of those that leave at all: a day is not split by what people did.
pub fn may_leave(metric: &Metric) -> bool {
    metric.grain != Grain::Day || metric.by.is_empty() || is_about_no_person(&metric.metric)
}

/// One sum whose parts and whole are all published: at most none or at least two of them may be hidden.
struct Sum {
    whole: Option<usize>,
    parts: Vec<usize>,
}

/// What a line speaks of, and where it is.
type Index<'a> = BTreeMap<Key<'a>, usize>;

type Key<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day, &'a BTreeMap<String, String>);

impl Line {
    fn new(metric: &Metric) -> Line {
        Line {
            metric: metric.metric.clone().into_owned(),
            instance: metric.instance.clone(),
            scope: metric.scope.clone(),
            period: metric.period(),
            by: metric.by.clone(),
            value: metric.value,
            n: metric.n,
            of: metric.of,
            people: metric.people,
            coverage: metric.coverage,
            basis: metric.basis,
            is_final: metric.is_final,
            reason: metric.reason,
            prices: metric.prices.clone(),
            hidden: None,
        }
    }

    fn key(&self) -> Key<'_> {
        let Period { grain, start, end } = self.period;
        (&self.metric, &self.instance, &self.scope, grain, start, end, &self.by)
    }
}

/// Every sum among the lines, as positions.
fn sums(lines: &[Line], index: &Index<'_>) -> Vec<Sum> {
    let mut by_dimension: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    let mut by_scope: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    let mut days: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let Period { grain, start, end } = line.period;
        // A median is not part of a median of all.
        if !line.by.contains_key("stat") {
            for key in line.by.keys() {
                let mut rest = line.by.clone();
                rest.remove(key);
                let place = (&*line.metric, &*line.instance, &*line.scope, grain, start, end);
                by_dimension.entry((place, key, rest)).or_default().push(at);
            }
        }
        if line.scope != ALL_SCOPES {
            by_scope.entry((&*line.metric, grain, start, end, &line.by)).or_default().push(at);
        }
        if grain == Grain::Day && line.by.is_empty() {
            days.entry((&*line.metric, &*line.instance, &*line.scope)).or_default().push(at);
        }
    }

    let mut sums = Vec::new();
    for (((metric, instance, scope, grain, start, end), _, rest), parts) in by_dimension {
        let whole = index.get(&(metric, instance, scope, grain, start, end, &rest)).copied();
        sums.push(Sum { whole, parts });
    }
    for ((metric, grain, start, end, by), parts) in by_scope {
        // The union of several GitLabs has the instance `*`, the union within one has its URL.
        for instance in parts.iter().map(|&at| &*lines[at].instance).chain([ALL_SCOPES]) {
            if let Some(&whole) = index.get(&(metric, instance, ALL_SCOPES, grain, start, end, by)) {
                sums.push(Sum { whole: Some(whole), parts: parts.clone() });
                break;
            }
        }
    }
    for (at, line) in lines.iter().enumerate() {
        let place = (&*line.metric, &*line.instance, &*line.scope);
        if line.period.grain == Grain::Day || !line.by.is_empty() || !adds_up_over_days(&line.metric) {
            continue;
        }
        // The days of a place are in order of time, as the lines are.
        let days = days.get(&place).map_or(&[][..], Vec::as_slice);
        let first = days.partition_point(|&day| lines[day].period.start < line.period.start);
        let last = days.partition_point(|&day| lines[day].period.start <= line.period.end);
        if first < last {
            sums.push(Sum { whole: Some(at), parts: days[first..last].to_vec() });
        }
    }
    sums.extend(wholes(lines, index));
    sums
}

/// The sums of lines that add up to a line of another metric, where their numbers do.
fn wholes(lines: &[Line], index: &Index<'_>) -> Vec<Sum> {
    let mut parts_of: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let whole = WHOLES.iter().find(|(part, _)| *part == line.metric).map(|(_, whole)| *whole);
        if let Some(whole) = whole.filter(|_| line.by.get("segment").is_none_or(|name| name != "inactive")) {
            let Period { grain, start, end } = line.period;
            let place = (whole, &*line.instance, &*line.scope, grain, start, end);
            parts_of.entry((place, &*line.metric)).or_default().push(at);
        }
    }
    let none = BTreeMap::new();
    let size = |at: &usize| lines[*at].n.map_or(0.0, Number::as_f64);
    let sums =
        parts_of.into_iter().filter_map(|(((metric, instance, scope, grain, start, end), _), parts)| {
            let whole = *index.get(&(metric, instance, scope, grain, start, end, &none))?;
            let adds_up = size(&whole) == parts.iter().map(size).sum::<f64>();
            adds_up.then_some(Sum { whole: Some(whole), parts })
        });
    sums.collect()
}

fn hide_second_cells(lines: &mut [Line], sums: &[Sum]) -> bool {
    let mut changed = false;
    for sum in sums {
        let mut hidden = sum.parts.iter().chain(&sum.whole).filter(|&&at| lines[at].hidden.is_some());
        if hidden.next().is_none() || hidden.next().is_some() {
            continue;
        }
        let second = sum
            .parts
            .iter()
            .copied()
            .filter(|&at| {
                lines[at].hidden.is_none() && lines[at].people != Some(0) && lines[at].value.is_some()
            })
            .min_by(|&a, &b| {
                let size = |line: &Line| line.n.or(line.value).map_or(0.0, Number::as_f64);
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
fn rates(lines: &[Line], index: &Index<'_>) -> Vec<(usize, Vec<usize>)> {
    let counts_of: BTreeMap<&str, _> =
        definitions().map(|definition| (definition.metric, definition.unit.counts())).collect();
    let mut rates = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let cells = |count: &Count| -> Vec<usize> {
            let mut by = line.by.clone();
            by.extend(count.by.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let periods = count.periods(line.period).into_iter();
            let found = periods.filter_map(|Period { grain, start, end }| {
                index.get(&(count.metric, &line.instance, &line.scope, grain, start, end, &by)).copied()
            });
            found.collect()
        };
        let counts = counts_of.get(&*line.metric).copied().unwrap_or_default();
        rates.extend(counts.iter().map(|list| (at, list.iter().flat_map(cells).collect())));
    }
    rates
}

fn hide_rates(lines: &mut [Line], rates: &[(usize, Vec<usize>)]) -> bool {
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
fn twins(lines: &[Line], index: &Index<'_>) -> Vec<[usize; 2]> {
    let mut twins = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let event = EVENTS.iter().find(|(metric, by, _)| {
            let mut dimensions = line.by.iter().map(|(name, value)| (&**name, &**value));
            *metric == line.metric && dimensions.next() == *by && dimensions.next().is_none()
        });
        let (metric, by) = match (&*line.metric, event) {
            ("workflow.events", _) => ("events.count", line.by.clone()),
            ("workflow.users", _) => ("users.exposed", line.by.clone()),
            (_, Some((_, _, event))) => {
                ("events.count", BTreeMap::from([("event".to_owned(), (*event).to_owned())]))
            }
            _ => continue,
        };
        let (_, instance, scope, grain, start, end, _) = line.key();
        let twin = index.get(&(metric, instance, scope, grain, start, end, &by));
        twins.extend(twin.map(|twin| [at, *twin]));
    }
    twins
}

fn hide_twins(lines: &mut [Line], twins: &[[usize; 2]]) -> bool {
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

/// Distinct people of a week are not the sum of its days' people, so a day cannot be computed from them.
fn adds_up_over_days(metric: &str) -> bool {
    let people =
        ["users.", "seats.", "engagement.", "coverage."].iter().any(|family| metric.starts_with(family));
    !people && !metric.ends_with("users") && !metric.ends_with("_seconds") && !metric.contains(".per_")
}

/// Seats by add-on and days by collector say nothing of what anybody did on a day.
fn is_about_no_person(metric: &str) -> bool {
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
            by: by.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            value: Some(Number::Count(value)),
            n: Some(Number::Count(value)),
            of: None,
            people,
            coverage: 1.0,
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

    fn hidden(lines: &[Line]) -> Vec<String> {
        let name = |line: &Line| match line.by.values().next() {
            Some(_) => line.by.values().cloned().collect::<Vec<_>>().join("×"),
            None => format!("{} {}", line.scope, line.period.start),
        };
        lines.iter().filter(|line| line.hidden.is_some()).map(name).collect()
    }

    #[test]
    fn small_groups_lose_every_number_and_zero_people_stay() {
        let lines = publish(
            &[cell("chat.messages", &[], 40, Some(4)), cell("troubleshoot.users", &[], 0, Some(0))],
            5,
        );
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
        let lines = publish(
            &[
                cell("code_suggestions.shown", &[], 1_000, Some(40)),
                cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
                cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
                cell("code_suggestions.shown", &[("language", "cobol")], 50, Some(2)),
                cell("code_suggestions.shown", &[("language", "lua")], 0, Some(0)),
            ],
            5,
        );
        assert_eq!(hidden(&lines), ["cobol", "go"]);
        let by_reason = |language: &str| {
            let found =
                lines.iter().find(|line| line.by.get("language").is_some_and(|name| name == language));
            found.and_then(|line| line.hidden)
        };
        assert_eq!(by_reason("cobol"), Some(Hidden::Under(5)));
        assert_eq!(by_reason("go"), Some(Hidden::Subtraction));
    }

    #[test]
    fn two_hidden_cells_protect_each_other() {
        let lines = publish(
            &[
                cell("events.count", &[("event", "a")], 700, Some(30)),
                cell("events.count", &[("event", "b")], 5, Some(2)),
                cell("events.count", &[("event", "c")], 5, Some(3)),
            ],
            5,
        );
        assert_eq!(hidden(&lines), ["b", "c"]);
    }

    #[test]
    fn a_hidden_margin_cannot_be_summed_from_its_crosses() {
        let lines = publish(
            &[
                cell("code_suggestions.shown", &[], 1_000, Some(40)),
                cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
                cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
                cell("code_suggestions.shown", &[("language", "lua")], 50, Some(2)),
                cell("code_suggestions.shown", &[("language", "go"), ("ide", "vim")], 100, Some(6)),
                cell("code_suggestions.shown", &[("language", "go"), ("ide", "zed")], 150, Some(7)),
                cell("code_suggestions.shown", &[("language", "rust"), ("ide", "vim")], 300, Some(16)),
                cell("code_suggestions.shown", &[("language", "rust"), ("ide", "zed")], 400, Some(17)),
            ],
            5,
        );
        // `go` goes with `lua`; then one of go's crosses; then that editor's next cell, and so on round.
        let names = hidden(&lines);
        assert!(names.contains(&"go".to_owned()) && names.contains(&"vim×go".to_owned()), "{names:?}");
        assert!(names.contains(&"vim×rust".to_owned()), "{names:?}");
    }

    #[test]
    fn a_hidden_number_is_not_told_by_its_other_name() {
        let by = |event| [("event", event)];
        let lines = publish(
            &[
                cell("events.count", &by("explain_vulnerability"), 5, Some(2)),
                cell("events.count", &by("troubleshoot_job"), 20, Some(9)),
                cell("events.count", &by("react_thumbs_up_on_duo_code_review_comment"), 30, Some(10)),
                cell("events.count", &by("summarize_review"), 40, Some(11)),
                cell("troubleshoot.requests", &[], 20, Some(9)),
                cell("code_review.reactions", &[("kind", "thumbs_up")], 30, Some(10)),
                cell("workflow.events", &by("explain_vulnerability"), 5, Some(2)),
                cell("workflow.events", &by("summarize_review"), 40, Some(11)),
            ],
            5,
        );
        let is_hidden = |metric: &str, value: &str| {
            let of = |line: &&Line| line.metric == metric && line.by.values().all(|text| text == value);
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
                let of_segment = lines.iter().filter(|line| line.by[side] == segment);
                let hidden = of_segment.filter(|line| line.hidden.is_some()).count();
                assert!(hidden != 1, "{side} {segment}");
            }
        }
        assert!(lines.iter().any(|line| line.hidden.is_none()), "not all has to go");
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
        let lines = publish(
            &[in_scope("*", 100, 30), in_scope("a", 60, 20), in_scope("b", 35, 9), in_scope("c", 5, 1)],
            5,
        );
        assert_eq!(hidden(&lines), ["b 2026-10-04", "c 2026-10-04"]);
    }

    #[test]
    fn a_rate_goes_with_its_parts() {
        let by = [("language", "go")];
        let lines = publish(
            &[
                cell("code_suggestions.shown", &by, 100, Some(12)),
                cell("code_suggestions.accepted", &by, 10, Some(3)),
                cell("code_suggestions.acceptance_rate", &by, 10, Some(12)),
            ],
            5,
        );
        assert_eq!(lines[0].metric, "code_suggestions.acceptance_rate");
        assert_eq!(lines[0].hidden, Some(Hidden::Subtraction));
        assert_eq!(lines[2].hidden, None);
    }

    #[test]
    fn bots_are_not_people_but_do_not_give_people_away() {
        let bot = |people| {
            publish(
                &[
                    cell("events.count", &[("kind", "person")], 100, Some(people)),
                    cell("events.count", &[("kind", "bot")], 9, Some(1)),
                ],
                5,
            )
        };
        assert_eq!(hidden(&bot(20)), Vec::<String>::new());
        assert_eq!(hidden(&bot(2)), ["bot", "person"]);
    }

    #[test]
    fn day_lines_by_dimension_do_not_leave() {
        let lines = publish(
            &[
                on("2026-10-05", cell("code_suggestions.shown", &[("language", "rust")], 9, Some(50))),
                on("2026-10-05", cell("code_suggestions.shown", &[], 9, Some(50))),
                on("2026-10-05", cell("seats.assigned", &[("add_on", "DUO_ENTERPRISE")], 300, None)),
            ],
            5,
        );
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| !line.by.contains_key("language")));
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let mut metrics = vec![
            cell("events.count", &[("event", "a")], 700, Some(30)),
            cell("events.count", &[("event", "b")], 5, Some(2)),
            cell("events.count", &[("event", "c")], 5, Some(30)),
        ];
        let lines = publish(&metrics, 5);
        metrics.reverse();
        metrics.push(metrics[0].clone());
        assert_eq!(publish(&metrics, 5), lines);
    }
}
