//! Whole numbers where they stand in a text, without looking for their end first.

/// How many digits always fit into 64 bits.
const FITTING: usize = 19;

/// The number that these bytes begin with, and how many digits it has: none, up to as many as always fit, of which those behind are
/// not read.
#[inline]
pub fn leading(bytes: &[u8]) -> (u64, usize) {
    let (mut number, mut count) = (0, 0);
    while count < FITTING
        && let Some(digit) = bytes.get(count).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        (number, count) = (number * 10 + u64::from(digit), count + 1);
    }
    (number, count)
}

/// The number of one to nine digits that these bytes begin with, and how many those are: `None` when they begin with none, or with more.
#[inline]
pub fn leading_short(bytes: &[u8]) -> Option<(u32, usize)> {
    let (number, digits) = leading(bytes);
    (1..=9).contains(&digits).then_some((number as u32, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_digits_do_or_where_it_may_not_fit() {
        for (text, found) in [
            ("", (0, 0)),
            (":1", (0, 0)),
            ("-1", (0, 0)),
            ("0", (0, 1)),
            ("0017:2", (17, 4)),
            ("999999999", (999_999_999, 9)),
            ("0000000001", (1, 10)),
            ("9999999999999999999", (9_999_999_999_999_999_999, 19)),
            ("18446744073709551616", (1_844_674_407_370_955_161, 19)),
        ] {
            assert_eq!(leading(text.as_bytes()), found, "{text}");
            let (number, digits) = found;
            let short = u32::try_from(number).ok().filter(|_| (1..10).contains(&digits));
            assert_eq!(leading_short(text.as_bytes()), short.map(|number| (number, digits)), "{text}");
        }
    }
}
