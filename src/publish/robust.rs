//! Robust statistics: half of the values can be outliers.

/// The standard deviation of normal values divided by their median absolute deviation.
pub const MAD_SCALE: f64 = 1.4826;

/// The median; `None` without values. Sorts them.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[odd / 2]),
        even => Some(values[even / 2 - 1].midpoint(values[even / 2])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 100.0, 1.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, -50.0, 2.0]), Some(1.5));
    }
}
