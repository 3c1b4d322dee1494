//! GitLab Credits of a view: the balance of a month, and the days whose credits are known.

use std::collections::BTreeMap;

use super::View;
use super::state::DayState;
use crate::aggregate::rollup::{Balance, Fetch};
use crate::base::calendar::{Day, Period, Timestamp};
use crate::base::decimal::Decimal;
use crate::model::coverage::Status;

/// The balance of a payer in a month, as of the newest fetch.
#[derive(Clone, Copy, Debug)]
pub struct MonthBalance<'a> {
    /// The balance.
    pub balance: &'a Balance,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// The number of people whom a cap blocks, from the newest fetch that reports it.
    pub blocked_users: Option<u64>,
}

impl<'a> View<'a> {
    /// The balance of each payer (top-level group or instance) in a month, `None` for a payer
    /// without one. Empty if no payer was collected, and for some people alone.
    pub fn balances(&self, month: Period) -> Vec<Option<MonthBalance<'a>>> {
        let collector = self.symbols.find("credit_months").filter(|_| self.only.is_none());
        let Some(collector) = collector else { return Vec::new() };
        let days_of = |scope| self.resolved.days.get(&(collector, scope));
        let payers = self.resolved.outermost(&self.scopes, |scope| days_of(scope).is_some());
        let balance_of = |scope| {
            let days = days_of(scope).into_iter().flat_map(|days| days.range(..=self.until));
            let fetches = days.filter(|(_, (state, _))| state.is_known());
            let balances = fetches.flat_map(|(_, (_, fetch))| fetch.iter().flat_map(|fetch| &fetch.balances));
            let is_of_month = |balance: &Balance| (month.start..=month.end).contains(&balance.start);
            let mut of_month: Vec<_> = balances.filter(|(.., balance)| is_of_month(balance)).collect();
            // A fetch has one balance of a month. If it has several nevertheless, the choice must not
            // depend on their order.
            of_month.sort_by_key(|(fetched_at, row, _)| (*fetched_at, *row));
            let blocked_users = of_month.iter().rev().find_map(|(.., balance)| balance.blocked_users);
            let (fetched_at, _, balance) = of_month.pop()?;
            Some(MonthBalance { balance, fetched_at: *fetched_at, blocked_users })
        };
        payers.into_iter().map(balance_of).collect()
    }

    /// The credits of each day, in total. The Customers Portal is hours behind, so only days count
    /// that were fetched at least a day after they ended. A complete answer without rows means that
    /// no credits were used.
    pub fn known_credits(&self) -> BTreeMap<Day, Decimal> {
        let collector = self.symbols.find("credits").filter(|_| self.only.is_none());
        let Some(collector) = collector else { return BTreeMap::new() };
        let days_of = |scope| self.resolved.days.get(&(collector, scope));
        let days = self.resolved.merged_days(&self.scopes, days_of).unwrap_or_default();
        let late_days =
            days.into_iter().filter(|(day, (state, _))| *day <= self.until && was_fetched_late(*day, state));
        let total_of = |(day, (_, counting)): (Day, (_, Vec<_>))| {
            let fetches = counting.iter().map(|scope| days_of(*scope)?.get(&day)?.1);
            let totals: Option<Vec<Decimal>> = fetches.map(|fetch| total_of_day(fetch?)).collect();
            Some((day, totals?.into_iter().sum()))
        };
        late_days.filter_map(total_of).collect()
    }
}

fn was_fetched_late(day: Day, state: &DayState) -> bool {
    let is_late = state.fetched_at.is_some_and(|at| day.plus(1).is_over(at));
    state.status == Status::Complete && is_late
}

/// The total of a day; `None` if the answer has rows but no total.
fn total_of_day(fetch: &Fetch) -> Option<Decimal> {
    let totals = fetch.credits.iter().filter(|(product, flow, _)| product.is_none() && flow.is_none());
    let totals: Vec<Decimal> = totals.map(|(.., credits)| Decimal::from_f64(*credits)).collect();
    (!totals.is_empty() || fetch.arrived() == 0).then(|| totals.into_iter().sum())
}
