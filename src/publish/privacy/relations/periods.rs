//! Relations between periods: days, weeks, months, and the 28 days of a window.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::Line;
use super::super::line_index::{LineIndex, LineRef};
use super::super::partial_weeks::is_partial_week;
use super::{Count, Kind, Relations};
use crate::aggregate::view;
use crate::base::calendar::{Day, Grain, Period, WINDOW_DAYS};
use crate::base::dimensions::Dimensions;
use crate::model::metric::Population;

const RETENTION: &str = "engagement.retention";
const SEGMENTS: &str = "engagement.users";
const ASSIGNED: &str = "seats.assigned";
const MOVEMENT: &str = "engagement.movement";

impl Relations {
    /// From the days to their week, month and window, and from the weeks to the window and the month.
    pub(super) fn add_periods(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>, kind: Kind) {
        let has_weeks = lines[range.clone()].iter().any(|line| line.period.grain == Grain::Week);
        let mut order: Vec<usize> = range.collect();
        let key = |at: usize| (lines[at].instance, lines[at].scope, lines[at].population, lines[at].by);
        order.sort_by_key(|&at| (key(at), lines[at].period));
        for same_key in order.chunk_by(|&one, &other| key(one) == key(other)) {
            let of_grain = |grain| {
                let lines = same_key.iter().copied().filter(move |&at| lines[at].period.grain == grain);
                lines.collect::<Vec<usize>>()
            };
            let days = of_grain(Grain::Day);
            let (parts_of_weeks, weeks): (Vec<usize>, Vec<usize>) =
                of_grain(Grain::Week).into_iter().partition(|&at| is_partial_week(lines[at].period));
            let longer = same_key.iter().copied().filter(|&at| lines[at].period.grain != Grain::Day);
            for total in longer {
                let Period { grain, start, end } = lines[total].period;
                let within = |all: &[usize]| {
                    let first = all.partition_point(|&at| lines[at].period.start < start);
                    let last = all.partition_point(|&at| lines[at].period.end <= end);
                    all[first.min(last)..last].to_vec()
                };
                self.whole(lines, kind, Some(total), within(&days));
                if grain == Grain::Week && !is_partial_week(lines[total].period) {
                    self.whole(lines, kind, Some(total), within(&parts_of_weeks));
                }
                match (grain, kind) {
                    // A window that ends with a week consists of four weeks.
                    (Grain::Window, _) if start.is_monday() => {
                        self.whole(lines, kind, Some(total), within(&weeks))
                    }
                    // A week without a line has nothing to count, nor have its parts.
                    (Grain::Month, Kind::Sum) if has_weeks => {
                        let first = weeks.partition_point(|&at| lines[at].period.end < start);
                        let last = weeks.partition_point(|&at| lines[at].period.start <= end);
                        let around = weeks[first.min(last)..last].to_vec();
                        let (inner, parts) = (within(&weeks), within(&parts_of_weeks));
                        if inner.len() + parts.len() == around.len() {
                            let windows = of_grain(Grain::Window);
                            self.add_windows_of_month(lines, total, &windows, &inner, &parts_of_weeks);
                            self.whole(lines, kind, Some(total), inner.into_iter().chain(parts));
                        } else {
                            let counts = |weeks: Vec<usize>| weeks.into_iter().map(Count::of);
                            self.group(Kind::Within, Some(Count::of(total)), counts(inner));
                            self.group(Kind::Around, Some(Count::of(total)), counts(around));
                        }
                    }
                    // People of a week are among those of its month.
                    (Grain::Window | Grain::Month, Kind::Cover) => {
                        for week in within(&weeks) {
                            self.group(Kind::Nested, Some(Count::of(total)), [Count::of(week)]);
                        }
                    }
                    _ => {}
                }
            }
            // Whether an author used Duo in 28 days, for example, is not a matter of weeks.
            if kind == Kind::Sum && has_weeks {
                self.add_sliding_windows(lines, &of_grain(Grain::Window), &weeks);
            }
        }
    }

    /// Two windows that end one week after the other share three weeks: with the week that follows, the
    /// first is the second with the week that it starts with.
    fn add_sliding_windows(&mut self, lines: &LineIndex<'_, '_>, windows: &[usize], weeks: &[usize]) {
        let week = |start: Day| {
            let found = weeks.binary_search_by_key(&start, |&at| lines[at].period.start);
            found.ok().map(|at| Count::of(weeks[at]))
        };
        for pair in windows.windows(2) {
            let [before, after] = [pair[0], pair[1]].map(|at| lines[at].period);
            if !before.start.is_monday() || after.start != before.start.plus(7) {
                continue;
            }
            let [before_count, after_count] = [pair[0], pair[1]].map(Count::of);
            // A week without a line has nothing to count.
            match (week(before.start), week(before.end.plus(1))) {
                (Some(left), Some(joined)) => {
                    self.group(Kind::Balance, None, [before_count, joined, after_count, left]);
                }
                (left, None) => {
                    self.group(Kind::Sum, Some(before_count), left.into_iter().chain([after_count]))
                }
                (None, Some(joined)) => self.group(Kind::Sum, Some(after_count), [before_count, joined]),
            }
        }
    }

    /// The windows that lie in a month, or reach beyond it by a part of a week.
    fn add_windows_of_month(
        &mut self,
        lines: &LineIndex<'_, '_>,
        month: usize,
        windows: &[usize],
        weeks: &[usize],
        parts_of_weeks: &[usize],
    ) {
        let Period { start, end, .. } = lines[month].period;
        let part = |is_wanted: &dyn Fn(Period) -> bool| {
            let found = parts_of_weeks.iter().find(|&&at| is_wanted(lines[at].period));
            found.map(|&at| Count::of(at))
        };
        let (first, last) = (part(&|part| part.start == start), part(&|part| part.end == end));
        let (before, after) =
            (part(&|part| part.end == start.plus(-1)), part(&|part| part.start == end.plus(1)));
        // Those that share more than a part of a week with the months around are no closer relation.
        let is_near = |&at: &usize| {
            let Period { start: from, end: to, .. } = lines[at].period;
            from.is_monday() && from > start.plus(-7) && to < end.plus(7)
        };
        for window in windows.iter().copied().filter(is_near) {
            let Period { start: from, end: to, .. } = lines[window].period;
            let others =
                weeks.iter().filter(|&&at| lines[at].period.end < from || lines[at].period.start > to);
            let others: Vec<Count> = others.map(|&at| Count::of(at)).collect();
            let [month, window] = [month, window].map(Count::of);
            let (left, right) = match (from < start, to > end) {
                (false, false) => ([Some(month), None], [Some(window), first, last]),
                (true, false) => ([Some(month), before], [Some(window), None, last]),
                (false, true) => ([Some(month), after], [Some(window), first, None]),
                (true, true) => continue,
            };
            let left: Vec<Count> = left.into_iter().flatten().collect();
            let right: Vec<Count> = right.into_iter().flatten().chain(others).collect();
            match (&left[..], &right[..]) {
                ([total], parts) => self.group(Kind::Sum, Some(*total), parts.iter().copied()),
                (parts, [total]) => self.group(Kind::Sum, Some(*total), parts.iter().copied()),
                ([_, _], [_, _]) => self.group(Kind::Balance, None, left.into_iter().chain(right)),
                _ => {}
            }
        }
    }

    /// Weekly cohorts that add up to a monthly one: the size of a cohort is that of its first period.
    pub(super) fn add_cohorts(&mut self, lines: &LineIndex<'_, '_>) {
        let range = range_of(lines, RETENTION);
        let of_age_zero = |dimension: &str| -> Vec<usize> {
            range.clone().filter(|&at| lines[at].by.get(dimension) == Some("0")).collect()
        };
        let weeks = of_age_zero("week");
        for month in of_age_zero("month") {
            let Line { instance, scope, period, .. } = lines[month];
            let is_part = |&at: &usize| {
                let Line { instance: of, scope: within, period: week, .. } = lines[at];
                (of, within) == (instance, scope) && period.start <= week.start && week.end <= period.end
            };
            let parts: Vec<Count> = weeks.iter().copied().filter(is_part).map(Count::of).collect();
            // A month that starts or ends within a week has other people too.
            if parts.len() as i64 * 7 == period.length() {
                self.group(Kind::Sum, Some(Count::of(month)), parts);
            }
        }
    }

    /// Segments cover the 28 days up to the end of their period, so those of a week and a month that
    /// end on the same day are equal, and movement starts from those of 28 days before.
    pub(super) fn add_segments(&mut self, lines: &LineIndex<'_, '_>) {
        type Place<'a> = (&'a str, &'a str, Option<Population>, &'a Dimensions, Day);
        let mut by_end: BTreeMap<Place<'_>, usize> = BTreeMap::new();
        for at in range_of(lines, SEGMENTS) {
            let line = &lines[at];
            let place = (line.instance, line.scope, line.population, line.by, line.period.end);
            match by_end.get(&place) {
                Some(other) => self.equal.push([at, *other]),
                None => drop(by_end.insert(place, at)),
            }
        }
        self.add_assigned_seats(lines);
        let range = range_of(lines, MOVEMENT);
        let mut start = range.start;
        for series in lines[range].chunk_by(|one, other| one.series() == other.series()) {
            let mut by_from: BTreeMap<&str, Vec<Count>> = BTreeMap::new();
            for (at, line) in (start..).zip(series) {
                // Since then, people who were never active before have been added to the inactive.
                if let Some(from) = line.by.get("from").filter(|from| *from != "inactive") {
                    by_from.entry(from).or_default().push(Count::of(at));
                }
            }
            start += series.len();
            let line = &series[0];
            for (from, parts) in by_from {
                let by: Dimensions = [("segment", from)].into_iter().collect();
                let day = line.period.end.plus(-WINDOW_DAYS);
                let total = by_end.get(&(line.instance, line.scope, line.population, &by, day));
                self.group(Kind::Sum, total.copied().map(Count::of), parts);
            }
        }
    }

    /// The segments of seat holders add up to at most the seats that are assigned in the list for their period:
    /// bots can have seats too.
    fn add_assigned_seats(&mut self, lines: &LineIndex<'_, '_>) {
        let mut lists: BTreeMap<(&str, &str), Vec<(Day, usize)>> = BTreeMap::new();
        for at in range_of(lines, ASSIGNED) {
            let Line { instance, scope, period, .. } = lines[at];
            lists.entry((instance, scope)).or_default().push((period.end, at));
        }
        let range = range_of(lines, SEGMENTS);
        let mut start = range.start;
        for series in lines[range].chunk_by(|one, other| one.series() == other.series()) {
            let is_part = |line: &Line<'_>| {
                line.population == Some(Population::SeatHolders) && line.by.names().eq(["segment"])
            };
            let parts = (start..).zip(series).filter(|(_, line)| is_part(line)).map(|(at, _)| Count::of(at));
            let parts: Vec<Count> = parts.collect();
            start += series.len();
            let Line { instance, scope, period, .. } = series[0];
            let Some(lists) = lists.get(&(instance, scope)) else { continue };
            let Some(day) = view::list_day(lists.iter().map(|(day, _)| *day), period) else { continue };
            let mut assigned = lists.iter().filter(|(of, _)| *of == day).map(|(_, at)| *at);
            // Several add-ons have seats of their own.
            if let (Some(total), None) = (assigned.next(), assigned.next()) {
                self.group(Kind::Within, Some(Count::of(total)), parts);
            }
        }
    }

    /// Seat holders are among all people. This is not true for the inactive: a seat holder may never
    /// have been seen.
    pub(super) fn add_seat_holders(&mut self, lines: &LineIndex<'_, '_>) {
        let is_subset = |line: &Line<'_>| {
            line.population == Some(Population::SeatHolders)
                && line.by.values().any(|value| value != "inactive")
        };
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_subset(line)) {
            let wanted = LineRef { population: Some(Population::People), ..LineRef::of(line) };
            if let Some(all) = lines.find(line, &wanted) {
                self.group(Kind::Nested, Some(Count::of(all)), [Count::of(at)]);
            }
        }
    }
}

/// The lines of a metric.
fn range_of(lines: &LineIndex<'_, '_>, metric: &str) -> Range<usize> {
    let first = lines.partition_point(|line| line.metric < metric);
    first..lines.partition_point(|line| line.metric <= metric)
}
