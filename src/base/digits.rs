//! Parses integers at the start of a text, without searching for their end first.

/// Any number with this many digits fits into 64 bits.
const MAX_DIGITS: usize = 19;

/// The number at the start of `bytes`, and its digits: 0 to 19. Further digits are not read.
#[inline]
pub fn parse_prefix(bytes: &[u8]) -> (u64, usize) {
    let (mut number, mut count) = (0, 0);
    while count < MAX_DIGITS
        && let Some(digit) = bytes.get(count).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        (number, count) = (number * 10 + u64::from(digit), count + 1);
    }
    (number, count)
}

/// The number at the start of `bytes`, and its digits: 1 to 9. `None` if there are fewer or more.
#[inline]
pub fn parse_short_prefix(bytes: &[u8]) -> Option<(u32, usize)> {
    let (number, digits) = parse_prefix(bytes);
    (1..=9).contains(&digits).then_some((number as u32, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_with_its_digits_or_after_19() {
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
            assert_eq!(parse_prefix(text.as_bytes()), found, "{text}");
            let (number, digits) = found;
            let short = u32::try_from(number).ok().filter(|_| (1..10).contains(&digits));
            assert_eq!(parse_short_prefix(text.as_bytes()), short.map(|number| (number, digits)), "{text}");
        }
    }
}
