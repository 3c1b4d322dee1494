//! Quantiles, and the interval of a median.

/// The quantile `percent` (0 to 100) by nearest rank: the smallest observation that at least that
/// share of all observations does not exceed. `None` without observations, which must be sorted.
pub(super) fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// The 95% bootstrap interval of the median (by nearest rank) of sorted observations; `None` with
/// fewer than two.
///
/// It is the interval for infinitely many resamples. In a resample of n out of n with replacement,
/// the median is at most the j-th observation if at least k of the draws are, where k is the rank
/// of the median; each draw is one of them with probability j / n. So the share of such resamples
/// is a tail of a binomial distribution, and the interval ends at the observations where it passes
/// 2.5% and 97.5%.
pub(super) fn median_interval(sorted: &[u64]) -> Option<(u64, u64)> {
    let n = sorted.len();
    if n < 2 {
        return None;
    }
    let rank = n.div_ceil(2);
    let ln_factorials: Vec<f64> = std::iter::once(0.0)
        .chain((1..=n).scan(0.0, |sum, i| {
            *sum += (i as f64).ln();
            Some(*sum)
        }))
        .collect();
    let share_up_to = |j: usize| {
        if j == n {
            return 1.0;
        }
        let (ln_in, ln_out) = ((j as f64 / n as f64).ln(), ((n - j) as f64 / n as f64).ln());
        let share = |i: usize| {
            let ln_ways = ln_factorials[n] - ln_factorials[i] - ln_factorials[n - i];
            (ln_ways + i as f64 * ln_in + (n - i) as f64 * ln_out).exp()
        };
        (rank..=n).map(share).sum::<f64>()
    };
    // The share rises with j.
    let passes = |limit: f64| {
        let (mut below, mut at) = (0, n);
        while at - below > 1 {
            let middle = below.midpoint(at);
            if share_up_to(middle) < limit {
                below = middle;
            } else {
                at = middle;
            }
        }
        sorted[at - 1]
    };
    Some((passes(0.025), passes(0.975)))
}

/// The statistics of durations: the name in `by.stat`, and the percentile.
pub(super) const QUANTILES: &[(&str, usize)] = &[("p50", 50), ("p95", 95)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_interval_matches_many_resamples() {
        assert_eq!((median_interval(&[]), median_interval(&[7])), (None, None));
        assert_eq!(median_interval(&[7, 7, 7]), Some((7, 7)));
        // A quarter of the resamples of two contain the larger one twice; only those have it as the
        // median.
        assert_eq!(median_interval(&[1, 9]), Some((1, 9)));
        let sorted: Vec<u64> = (0..41_u64).map(|i| i * i).collect();
        // A bootstrap by simulation, with a linear congruential generator.
        let mut state = 1_u64;
        let mut medians: Vec<u64> = (0..40_000)
            .map(|_| {
                let mut draws: Vec<u64> = (0..41)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        sorted[((state >> 33) % 41) as usize]
                    })
                    .collect();
                draws.sort_unstable();
                draws[20]
            })
            .collect();
        medians.sort_unstable();
        assert_eq!(median_interval(&sorted), Some((medians[1_000], medians[39_000])));
        let many: Vec<u64> = (0..20_000).collect();
        let (low, high) = median_interval(&many).expect("it is known");
        // Normal approximation: half the width is 1.96 times half the square root of the count.
        assert!((9_855..9_867).contains(&low) && (10_132..10_144).contains(&high), "{low} {high}");
    }

    #[test]
    fn nearest_rank_is_an_observation() {
        assert_eq!(nearest_rank(&[], 50), None);
        assert_eq!(nearest_rank(&[7], 95), Some(7));
        assert_eq!(nearest_rank(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(nearest_rank(&[1, 2, 3, 4, 5], 50), Some(3));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(nearest_rank(&hundred, 95), Some(95));
    }
}
