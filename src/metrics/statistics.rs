//! Statistics of observations.

/// The quantile `percent` of 100 by nearest rank: the smallest observation that at least that share of all does
/// not exceed. `None` without observations. The observations must be sorted.
pub(super) fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// The statistics told of durations, by their name in `by.stat`.
pub(super) const QUANTILES: &[(&str, usize)] = &[("p50", 50), ("p95", 95)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_an_observation() {
        assert_eq!(nearest_rank(&[], 50), None);
        assert_eq!(nearest_rank(&[7], 95), Some(7));
        assert_eq!(nearest_rank(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(nearest_rank(&[1, 2, 3, 4, 5], 50), Some(3));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(nearest_rank(&hundred, 95), Some(95));
    }
}
