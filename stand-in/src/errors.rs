//! The messages and shapes of GitLab's errors, so that clients can be tested against all of them.

use serde_json::{Value, json};

/// A query for usage data of more than a month.
pub(super) const RANGE_TOO_LONG: &str = "maximum date range is 1 month";
/// A query for aggregated metrics of more than a year.
pub(super) const YEAR_TOO_LONG: &str = "maximum date range is 1 year";
/// A range of aggregated metrics that ends before it starts.
pub(super) const START_AFTER_END: &str = "start date cannot be after end date";
/// Data that requires a higher role.
pub(super) const NOT_PERMITTED: &str = "You don't have permission to perform this action";
/// Usage data of a subgroup or a project.
pub(super) const NOT_AVAILABLE: &str = "Not available for this resource.";
/// A cursor that the server did not create.
pub(super) const BAD_CURSOR: &str = "Please provide a valid cursor";
/// Both `first` and `last` in one field.
pub(super) const FIRST_AND_LAST: &str = "Can only provide either `first` or `last`, not both";
/// Aggregated metrics on an instance without the analytics store.
pub(super) const NO_CLICKHOUSE: &str = "the ClickHouse data store is not available";
/// An aggregation engine, for a role below Reporter, before 19.4.
pub(super) const RESOURCE_NOT_AVAILABLE: &str = "The resource that you are attempting to access does not exist or you don't have permission to perform this action";
/// The engine of flows while its flag is off, as it is by default.
pub(super) const FLAG_DISABLED: &str = "`dap_impact_v1` feature flag is disabled.";
/// An engine over tables that Siphon replicates to ClickHouse.
pub(super) const NO_SIPHON: &str = "Siphon replication is not enabled on this instance.";
/// The same on an instance without ClickHouse.
pub(super) const CLICKHOUSE_NOT_CONFIGURED: &str = "ClickHouse is not configured on this instance.";
/// A request to an aggregation engine that selects only dimensions.
pub(super) const NO_METRIC: &str = "at least one metric is required";
/// A request to an aggregation engine with a metric under two aliases.
pub(super) const DUPLICATED_IDENTIFIERS: &str = "duplicated identifiers found";
/// A token that is wrong, expired or revoked (status 401).
pub(super) const INVALID_TOKEN: &str = "Invalid token";
/// No such path (status 404).
pub(super) const NOT_FOUND: &str = "Not found!";
/// Query text longer than [`MAX_QUERY_LENGTH`] (status 422).
pub(super) const QUERY_TOO_LARGE: &str = "Query too large";
/// A database statement was cancelled (status 503).
pub(super) const REQUEST_TIMED_OUT: &str =
    "Request timed out. Please try a less complex query or a smaller set of records.";

/// In characters.
pub(super) const MAX_QUERY_LENGTH: usize = 10_000;

/// The page of a gateway without a backend, with GitLab's title.
pub(super) const BAD_GATEWAY_PAGE: &str = "<!DOCTYPE html>
<html>
<head>
  <title>GitLab is not responding (502)</title>
</head>
<body>
  <h1>502</h1>
  <h3>Whoops, GitLab is taking too much time to respond.</h3>
  <p>Try again in a little while, or ask the administrator of this server.</p>
</body>
</html>
";

/// The code in `extensions` of an error, where GitLab sends one.
pub(super) fn code(message: &str) -> Option<&'static str> {
    match message {
        NO_SIPHON => Some("SIPHON_REPLICATION_DISABLED"),
        CLICKHOUSE_NOT_CONFIGURED => Some("CLICKHOUSE_NOT_CONFIGURED"),
        _ => None,
    }
}

/// An aggregation engine, for a role below Reporter, since 19.4.
pub(super) fn sources_not_accessible(path: &str) -> String {
    format!("The following sources are not accessible: {path}")
}

/// An order by something that the request does not select.
pub(super) fn identifier_not_available(identifier: &str) -> String {
    format!("the specified identifier is not available: '{identifier}'")
}

/// A granularity that the engine of this release does not have.
pub(super) fn invalid_granularity(granularity: &str) -> String {
    format!("Granularity Invalid value(s) for parameter `granularity`: {granularity}")
}

/// A body with one error and no data.
pub(super) fn body(message: &str) -> Value {
    json!({ "errors": [{ "message": message }] })
}

/// A query above the limit of complexity.
pub(super) fn too_complex(score: u64, limit: u64) -> String {
    format!("Query has complexity of {score}, which exceeds max complexity of {limit}")
}

/// A query nested too deeply.
pub(super) fn too_deep(depth: usize, limit: usize) -> String {
    format!("Query has depth of {depth}, which exceeds max depth of {limit}")
}

/// A stored event without an enum value in this release.
pub(super) fn null_event(ty: &str) -> String {
    format!("Cannot return null for non-nullable field {ty}.event")
}

/// A field that took longer than GitLab's 30 seconds.
pub(super) fn timeout_on(ty: &str, field: &str) -> String {
    format!("Timeout on {ty}.{field}")
}

/// An id of the wrong kind.
pub(super) fn invalid_id(id: &str, kind: &str) -> String {
    format!("\"{id}\" is not a valid ID for {kind}.")
}
