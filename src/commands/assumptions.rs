//! Price and target of the seats, from flags or variables.

use crate::base::error::Error;
use crate::cli::AssumptionArgs;
use crate::publish::answer::{Assumptions, parse_target};
use crate::system::settings::Environment;

/// The flags, else the variables.
pub(super) fn assumptions(args: &AssumptionArgs, environment: &Environment) -> Result<Assumptions, Error> {
    let seat_price = match &args.seat_price {
        Some(price) => Some(price.clone()),
        None => variable(environment, "DUO_METRICS_SEAT_PRICE", str::parse)?,
    };
    let target = match args.target {
        Some(target) => Some(target),
        None => variable(environment, "DUO_METRICS_TARGET", parse_target)?,
    };
    Ok(Assumptions { seat_price, target })
}

/// The value of a variable, if it is set.
fn variable<T>(
    environment: &Environment,
    name: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Error> {
    let parse = |text: String| parse(&text).map_err(|why| Error::Usage(format!("{name} {why}")));
    environment.get(name).map(parse).transpose()
}
