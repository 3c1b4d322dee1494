//! A small solver of linear programs: the simplex method for variables with bounds on both sides,
//! in the general form, where each constraint is one more variable with bounds.
//!
//! It is dense and slow and short. Pivots follow Bland's rule (the smallest index), so that it ends.

const EPSILON: f64 = 1e-7;

/// Pivots after which a search is given up.
const MAX_PIVOTS: usize = 5_000;

/// A system of linear constraints over variables with bounds.
pub(crate) struct Simplex {
    low: Vec<f64>,
    high: Vec<f64>,
    value: Vec<f64>,
    /// The rows: which variable each one defines.
    basic: Vec<usize>,
    /// The columns: the variables that the rows are sums of.
    free: Vec<usize>,
    /// The factor of each column in each row.
    rows: Vec<Vec<f64>>,
}

/// Why there is no optimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoOptimum {
    /// The variable has no end in that direction.
    Unbounded,
    /// The constraints contradict each other, or too many pivots were needed.
    Failed,
}

impl Simplex {
    /// Variables with their bounds, of which at least one is finite.
    pub(crate) fn new(bounds: &[(f64, f64)]) -> Simplex {
        let value = |(low, high): &(f64, f64)| if low.is_finite() { *low } else { *high };
        Simplex {
            low: bounds.iter().map(|(low, _)| *low).collect(),
            high: bounds.iter().map(|(_, high)| *high).collect(),
            value: bounds.iter().map(value).collect(),
            basic: Vec::new(),
            free: (0..bounds.len()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds the constraint that a sum is between two bounds. All are added before the first search.
    pub(crate) fn constrain(&mut self, terms: &[(usize, f64)], low: f64, high: f64) {
        let mut row = vec![0.0; self.free.len()];
        terms.iter().for_each(|(variable, factor)| row[*variable] += factor);
        let value = row.iter().zip(&self.value).map(|(factor, value)| factor * value).sum();
        self.basic.push(self.low.len());
        self.low.push(low);
        self.high.push(high);
        self.value.push(value);
        self.rows.push(row);
    }

    /// The least (or, for `is_most`, the most) value of a variable.
    pub(crate) fn optimum(&mut self, variable: usize, is_most: bool) -> Result<f64, NoOptimum> {
        self.restore()?;
        for _ in 0..MAX_PIVOTS {
            let Some((column, is_rising)) = self.improving(variable, is_most) else {
                return Ok(self.value[variable]);
            };
            self.advance(column, is_rising)?;
        }
        Err(NoOptimum::Failed)
    }

    /// Moves variables until all are within their bounds.
    fn restore(&mut self) -> Result<(), NoOptimum> {
        for _ in 0..MAX_PIVOTS {
            let outside = (0..self.basic.len())
                .filter(|row| {
                    let at = self.basic[*row];
                    self.value[at] < self.low[at] - EPSILON || self.value[at] > self.high[at] + EPSILON
                })
                .min_by_key(|row| self.basic[*row]);
            let Some(row) = outside else { return Ok(()) };
            let at = self.basic[row];
            let is_below = self.value[at] < self.low[at];
            let bound = if is_below { self.low[at] } else { self.high[at] };
            let column = (0..self.free.len())
                .filter(|column| {
                    let factor = self.rows[row][*column];
                    factor.abs() > EPSILON && self.can_move(self.free[*column], (factor > 0.0) == is_below)
                })
                .min_by_key(|column| self.free[*column])
                .ok_or(NoOptimum::Failed)?;
            let step = (bound - self.value[at]) / self.rows[row][column];
            self.step(column, step);
            self.pivot(row, column);
        }
        Err(NoOptimum::Failed)
    }

    fn can_move(&self, variable: usize, is_rising: bool) -> bool {
        if is_rising {
            self.value[variable] < self.high[variable] - EPSILON
        } else {
            self.value[variable] > self.low[variable] + EPSILON
        }
    }

    /// A column that improves the variable, and its direction.
    fn improving(&self, variable: usize, is_most: bool) -> Option<(usize, bool)> {
        let Some(row) = self.basic.iter().position(|basic| *basic == variable) else {
            let column = self.free.iter().position(|free| *free == variable)?;
            return self.can_move(variable, is_most).then_some((column, is_most));
        };
        (0..self.free.len())
            .filter_map(|column| {
                let factor = self.rows[row][column];
                let is_rising = (factor > 0.0) == is_most;
                let improves = factor.abs() > EPSILON && self.can_move(self.free[column], is_rising);
                improves.then_some((column, is_rising))
            })
            .min_by_key(|(column, _)| self.free[*column])
    }

    /// Moves a column as far as its bounds and those of all rows allow.
    fn advance(&mut self, column: usize, is_rising: bool) -> Result<(), NoOptimum> {
        let sign = if is_rising { 1.0 } else { -1.0 };
        let at = self.free[column];
        let mut limit =
            if is_rising { self.high[at] - self.value[at] } else { self.value[at] - self.low[at] };
        let mut leaving: Option<usize> = None;
        for (row, basic) in self.basic.iter().enumerate() {
            let speed = sign * self.rows[row][column];
            if speed.abs() <= EPSILON {
                continue;
            }
            let end = if speed > 0.0 { self.high[*basic] } else { self.low[*basic] };
            let room = ((end - self.value[*basic]) / speed).max(0.0);
            let is_first = leaving.is_none_or(|other| *basic < self.basic[other]);
            if room < limit - EPSILON || (room <= limit + EPSILON && leaving.is_some() && is_first) {
                limit = limit.min(room);
                leaving = Some(row);
            }
        }
        if !limit.is_finite() {
            return Err(NoOptimum::Unbounded);
        }
        self.step(column, sign * limit);
        if let Some(row) = leaving {
            self.pivot(row, column);
        }
        Ok(())
    }

    /// Moves a column, and with it all rows.
    fn step(&mut self, column: usize, step: f64) {
        self.value[self.free[column]] += step;
        for (row, basic) in self.basic.iter().enumerate() {
            self.value[*basic] += self.rows[row][column] * step;
        }
    }

    /// Exchanges the variable of a row with that of a column.
    fn pivot(&mut self, row: usize, column: usize) {
        let factor = self.rows[row][column];
        let mut pivot = std::mem::take(&mut self.rows[row]);
        pivot.iter_mut().for_each(|other| *other /= -factor);
        pivot[column] = 1.0 / factor;
        for other in self.rows.iter_mut().filter(|other| !other.is_empty() && other[column] != 0.0) {
            let times = std::mem::replace(&mut other[column], 0.0);
            other.iter_mut().zip(&pivot).for_each(|(at, add)| *at += times * add);
        }
        self.rows[row] = pivot;
        std::mem::swap(&mut self.basic[row], &mut self.free[column]);
    }
}

#[test]
fn rows_and_columns_of_a_table_bound_its_cells() {
    // Two rows of sums 5 and 9, two columns of sums 6 and 8; each cell at least 1.
    let mut table = Simplex::new(&[(1.0, f64::INFINITY); 4]);
    table.constrain(&[(0, 1.0), (1, 1.0)], 5.0, 5.0);
    table.constrain(&[(2, 1.0), (3, 1.0)], 9.0, 9.0);
    table.constrain(&[(0, 1.0), (2, 1.0)], 6.0, 6.0);
    table.constrain(&[(1, 1.0), (3, 1.0)], 8.0, 8.0);
    let ends: Vec<_> = (0..4).map(|at| [table.optimum(at, false), table.optimum(at, true)]).collect();
    assert_eq!(ends[0], [Ok(1.0), Ok(4.0)]);
    assert_eq!(ends[3], [Ok(4.0), Ok(7.0)]);
    let mut open = Simplex::new(&[(0.0, f64::INFINITY), (0.0, 3.0)]);
    open.constrain(&[(0, -1.0), (1, 1.0)], f64::NEG_INFINITY, 0.0);
    assert_eq!(open.optimum(0, true), Err(NoOptimum::Unbounded));
    assert_eq!(open.optimum(0, false), Ok(0.0));
    let mut contradiction = Simplex::new(&[(0.0, 1.0)]);
    contradiction.constrain(&[(0, 1.0)], 2.0, 3.0);
    assert_eq!(contradiction.optimum(0, true), Err(NoOptimum::Failed));
}
