//! A ClickHouse server or cluster in place of the memory of one machine: it stores the lines,
//! counts them, and returns the counts as rollup lines.

mod gitlab;
mod load;
mod query_error;
mod rollup_stream;
mod server;
mod statements;

pub use gitlab::TableReader;
pub use load::{Loaded, load};
pub use rollup_stream::RollupStream;
pub use server::{QueryRetryPolicy, Server};
pub use statements::{rollups, schema};
