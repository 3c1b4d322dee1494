//! The order in which lines are published.

use super::Line;
use crate::base::calendar::Day;

/// The order in which lines are published, in stages.
pub(super) struct Order {
    /// The place of each line in it.
    places: Vec<u32>,
    /// The stage of each place.
    pub(super) stages: Vec<u32>,
}

impl Order {
    /// By the day of their first publication; the lines of a day stay in order.
    pub(super) fn of(lines: &[Line<'_>], first_published: impl Fn(&Line<'_>) -> Option<Day>) -> Order {
        let days: Vec<Option<Day>> = lines.iter().map(first_published).collect();
        let mut in_order: Vec<usize> = (0..lines.len()).collect();
        in_order.sort_by_key(|line| days[*line]);
        let mut order = Order { places: vec![0; lines.len()], stages: Vec::with_capacity(lines.len()) };
        for (stage, of_day) in (0..).zip(in_order.chunk_by(|one, other| days[*one] == days[*other])) {
            for line in of_day {
                order.places[*line] = order.stages.len() as u32;
                order.stages.push(stage);
            }
        }
        order
    }

    /// The place of a line.
    pub(super) fn place(&self, line: usize) -> usize {
        self.places[line] as usize
    }

    /// The lines by their place.
    pub(super) fn sorted<'l, 'a>(&self, lines: &'l [Line<'a>]) -> Vec<&'l Line<'a>> {
        let mut sorted: Vec<&Line<'a>> = lines.iter().collect();
        lines.iter().zip(&self.places).for_each(|(line, place)| sorted[*place as usize] = line);
        sorted
    }
}
