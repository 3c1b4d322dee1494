//! Exact decimal sums: 0.1 plus 0.2 is 0.3, in any order of the summands.

use std::iter::Sum;
use std::ops::{Add, Sub};

/// Decimal places of the internal value. Prices of a token have up to 12.
const PLACES: usize = 15;

/// Decimal places of the result. Further digits are rounding errors of earlier sums.
const OUTPUT_PLACES: usize = 9;

/// A fixed-point decimal with 15 places; `None` after an overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal(Option<i128>);

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal(Some(0));

    /// The shortest decimal fraction that reads back as this number.
    pub fn from_f64(number: f64) -> Decimal {
        // `to_string` never uses an exponent.
        let text = number.to_string();
        let (sign, text) = match text.strip_prefix('-') {
            Some(text) => (-1, text),
            None => (1, &*text),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let kept = &fraction[..fraction.len().min(PLACES)];
        let rounds_up = fraction.as_bytes().get(PLACES).is_some_and(|digit| *digit >= b'5');
        let digits = format!("{whole}{kept:0<PLACES$}").parse::<i128>().ok();
        Decimal(
            digits.and_then(|digits| digits.checked_add(i128::from(rounds_up))).map(|digits| sign * digits),
        )
    }

    /// The product with a count.
    #[must_use]
    pub fn times(self, count: u64) -> Decimal {
        Decimal(self.0.and_then(|number| number.checked_mul(count.into())))
    }

    /// The value, rounded to 9 decimal places; `None` after an overflow.
    pub fn as_f64(self) -> Option<f64> {
        let step = 10_i128.pow((PLACES - OUTPUT_PLACES) as u32);
        let one = 10_u128.pow(OUTPUT_PLACES as u32);
        let rounded = self.0?.checked_add(self.0?.signum() * step / 2)? / step;
        let (sign, size) = (if rounded < 0 { "-" } else { "" }, rounded.unsigned_abs());
        // Parsing returns the nearest `f64`; dividing would round twice.
        format!("{sign}{}.{:0OUTPUT_PLACES$}", size / one, size % one).parse().ok()
    }

    fn with(self, other: Decimal, operation: fn(i128, i128) -> Option<i128>) -> Decimal {
        Decimal(self.0.zip(other.0).and_then(|(one, other)| operation(one, other)))
    }
}

impl Add for Decimal {
    type Output = Decimal;

    fn add(self, other: Decimal) -> Decimal {
        self.with(other, i128::checked_add)
    }
}

impl Sub for Decimal {
    type Output = Decimal;

    fn sub(self, other: Decimal) -> Decimal {
        self.with(other, i128::checked_sub)
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Decimal>>(numbers: I) -> Decimal {
        numbers.fold(Decimal::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[f64]) -> Option<f64> {
        numbers.iter().copied().map(Decimal::from_f64).sum::<Decimal>().as_f64()
    }

    #[test]
    fn sums_are_exact_and_overflow_is_none() {
        assert_eq!(sum(&[0.1, 0.2]), Some(0.3));
        assert_eq!(sum(&[0.7, 0.1, -0.8]), Some(0.0));
        assert_eq!(sum(&[-0.1, -0.2, -1e-12]), Some(-0.3));
        assert_eq!(sum(&[438.400_000_000_000_1]), Some(438.4), "rounding error of the input");
        assert_eq!(sum(&[1e12, 0.25]), Some(1_000_000_000_000.25));
        assert_eq!(sum(&[]), Some(0.0));
        assert_eq!((sum(&[1e300]), sum(&[1.6e23, 1.6e23]), sum(&[f64::NAN])), (None, None, None));
        assert_eq!(Decimal::from_f64(3e-7).times(1_000_003).as_f64(), Some(0.300_000_9));
        assert_eq!(Decimal::from_f64(1.0).times(u64::MAX).times(u64::MAX).as_f64(), None);
    }

    proptest! {
        #[test]
        fn hundredths_add_up_in_any_order(hundredths in proptest::collection::vec(-99_999..99_999_i64, 0..40)) {
            let mut numbers: Vec<f64> = hundredths.iter().map(|number| *number as f64 / 100.0).collect();
            let exact = hundredths.iter().sum::<i64>() as f64 / 100.0;
            prop_assert_eq!(sum(&numbers), Some(exact));
            numbers.reverse();
            prop_assert_eq!(sum(&numbers), Some(exact));
        }
    }
}
