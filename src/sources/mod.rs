//! Event streams that did not come from `fetch`: what an operator can have of the Duo Agent Platform, in the forms in
//! which it is told.

mod observed;

pub use observed::{Form, Observed, Who};
