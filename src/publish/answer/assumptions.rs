//! What only the owner of the seats knows: their price and the target.

use std::str::FromStr;

use crate::publish::number;

/// Price and target; without them, nothing about money or a target is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assumptions {
    /// The price of a seat per month.
    pub seat_price: Option<SeatPrice>,
    /// The percentage of assigned seats that should be active.
    pub target: Option<u8>,
}

/// The price of a seat per month, as in `39:USD`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeatPrice {
    cents: u64,
    currency: String,
}

/// Signs of currencies that stand before the amount.
const SIGNS: [(&str, &str); 4] = [("USD", "$"), ("EUR", "€"), ("GBP", "£"), ("JPY", "¥")];

/// The highest price that is accepted, in hundredths.
const MAX_CENTS: u64 = 100_000_000;

impl FromStr for SeatPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<SeatPrice, String> {
        let invalid = || "must be a price per month and a currency, for example 39:USD".to_owned();
        let (amount, currency) = text.split_once(':').ok_or_else(invalid)?;
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        let cents = cents(amount).filter(|cents| (1..=MAX_CENTS).contains(cents));
        match cents.filter(|_| is_code) {
            Some(cents) => Ok(SeatPrice { cents, currency: currency.to_owned() }),
            None => Err(invalid()),
        }
    }
}

impl SeatPrice {
    /// The price of this many seats, for example `$702`.
    pub fn times(&self, seats: u64) -> String {
        let total = self.cents.saturating_mul(seats);
        let amount = match (total / 100, total % 100) {
            (whole, 0) => number::count(whole),
            (whole, cents) => format!("{}.{cents:02}", number::count(whole)),
        };
        match SIGNS.iter().find(|(code, _)| *code == self.currency) {
            Some((_, sign)) => format!("{sign}{amount}"),
            None => format!("{amount} {}", self.currency),
        }
    }

    /// The calculation, for example `18 × $39 = $702 a month`.
    pub fn calculation(&self, seats: u64) -> String {
        format!("{} × {} = {} a month", number::count(seats), self.times(1), self.times(seats))
    }
}

/// Reads a target in percent.
pub fn parse_target(text: &str) -> Result<u8, String> {
    let target =
        text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|target| (1..=100).contains(target));
    target.ok_or_else(|| "must be a percentage from 1 to 100".to_owned())
}

/// Hundredths of an amount with at most two decimals.
fn cents(amount: &str) -> Option<u64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let hundredths: u64 = format!("{fraction:0<2}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_an_amount_and_a_currency() {
        let price: SeatPrice = "39:USD".parse().expect("a price");
        assert_eq!(price.calculation(18), "18 × $39 = $702 a month");
        let price: SeatPrice = "19.5:CHF".parse().expect("a price");
        assert_eq!(price.calculation(1_003), "1,003 × 19.50 CHF = 19,558.50 CHF a month");
        for invalid in [
            "39",
            "39:usd",
            "USD:39",
            "-1:USD",
            "0:USD",
            "1.234:USD",
            "1e3:USD",
            ".5:USD",
            ":USD",
            "9999999:USD",
        ] {
            assert!(invalid.parse::<SeatPrice>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_target_is_a_percentage() {
        assert_eq!((parse_target("80"), parse_target("100%")), (Ok(80), Ok(100)));
        assert!(["0", "101", "-5", "eighty", ""].iter().all(|text| parse_target(text).is_err()));
    }
}
