//! The error, and with it the exit code, of a fault that ends a command.

use crate::base::error::Error;
use crate::collect::collectors::Fault;

impl Fault {
    /// The error of a command that cannot continue because of this fault.
    pub fn into_error(self) -> Error {
        match self {
            Fault::Denied(text) | Fault::Unsupported(text) | Fault::NotEnabled(text) => {
                Error::Unavailable(text)
            }
            Fault::Transient(text) | Fault::TooHeavy(text) | Fault::RateLimited(text) => {
                Error::Transient(text)
            }
            Fault::Answer(text) => Error::Unexpected(text),
            Fault::Token(text) => Error::Token(text),
            Fault::Configuration(text) => Error::Configuration(text),
            Fault::Sink(error) => error,
        }
    }
}
