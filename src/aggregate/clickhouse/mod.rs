//! A ClickHouse server or cluster in place of the memory of one machine: lines are loaded into it, it counts, and the
//! counts come back as rollup lines.

mod answers;
mod gitlab;
mod load;
mod refusal;
mod server;
mod statements;

pub use answers::Answers;
pub use gitlab::Reading;
pub use load::{Loaded, load};
pub use server::{Patience, Server};
pub use statements::{rollups, schema};
