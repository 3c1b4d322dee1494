//! Statistics of observations.

/// The quantile `percent` of 100 by nearest rank: the smallest observation that at least that share of all does
/// not exceed. `None` without observations. The observations must be sorted.
pub(super) fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// The bootstrap interval of 95 % of the median (by nearest rank) of sorted observations; `None` with fewer than two.
///
/// It is that of infinitely many resamples. Of a resample of n out of n, drawn with replacement, the median is at most
/// the j-th observation when at least k of the draws are, with k the median's rank; each is with a chance of j / n. So
/// the share of such resamples is a tail of a binomial distribution, and the interval lies between the observations at
/// which that share passes 2.5 % and 97.5 %.
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
            match share_up_to(middle) < limit {
                true => below = middle,
                false => at = middle,
            }
        }
        sorted[at - 1]
    };
    Some((passes(0.025), passes(0.975)))
}

/// The statistics told of durations, by their name in `by.stat`.
pub(super) const QUANTILES: &[(&str, usize)] = &[("p50", 50), ("p95", 95)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_median_is_that_of_many_resamples() {
        assert_eq!((median_interval(&[]), median_interval(&[7])), (None, None));
        assert_eq!(median_interval(&[7, 7, 7]), Some((7, 7)));
        // Of two, a quarter of the resamples hold the larger one twice, and only those have it for a median.
        assert_eq!(median_interval(&[1, 9]), Some((1, 9)));
        let sorted: Vec<u64> = (0..41_u64).map(|i| i * i).collect();
        // A plain bootstrap with a generator of the simplest kind.
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
        // The normal approximation: half a spread of 1.96 times half the root of the count.
        assert!((9_855..9_867).contains(&low) && (10_132..10_144).contains(&high), "{low} {high}");
    }

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
