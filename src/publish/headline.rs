//! The key metrics at the top of a dashboard and of a digest.

use super::number::Style;

/// A key metric.
pub struct HeadlineMetric<'a> {
    /// The label.
    pub label: &'static str,
    /// The section of the page with its details.
    pub href: &'static str,
    /// The metric.
    pub metric: &'a str,
    /// Its dimensions.
    pub by: &'a [(&'a str, &'a str)],
    /// How its value is formatted.
    pub style: Style,
    /// The unit of `n` or `of`, for example `seats`.
    pub of: &'static str,
}

/// The median of a metric that is reported as statistics.
pub const MEDIAN: &[(&str, &str)] = &[("stat", "p50")];

/// The key metrics of GitLab Duo.
pub const DUO: [HeadlineMetric<'static>; 6] = [
    figure("Active people", "#adoption", "users.active", &[], Style::Plain, "people who used Duo"),
    figure("Seats in use", "#adoption", "seats.active", &[], Style::Percent, "seats"),
    figure(
        "Suggestions accepted",
        "#suggestions",
        "code_suggestions.accepted",
        &[],
        Style::Plain,
        "code suggestions",
    ),
    figure(
        "Acceptance rate",
        "#suggestions",
        "code_suggestions.acceptance_rate",
        &[],
        Style::Percent,
        "shown",
    ),
    figure("People in Chat", "#chat", "chat.users", &[], Style::Plain, "people who sent messages"),
    figure(
        "Stickiness",
        "#adoption",
        "users.stickiness",
        &[],
        Style::Percent,
        "active people on an average working day",
    ),
];

/// The tiles of GitLab Duo in order of preference: the first ones with data are shown.
pub const DUO_TILES: [HeadlineMetric<'static>; 10] = [
    figure("Active people", "#used", "users.active", &[], Style::Plain, "people who used Duo"),
    figure("Acceptance rate", "#how", "code_suggestions.acceptance_rate", &[], Style::Percent, "suggestions"),
    figure(
        "Agent sessions that succeed",
        "#how",
        "agents.success_rate",
        &[],
        Style::Percent,
        "ended sessions, without Chat",
    ),
    figure("GitLab Credits", "#cost", "credits.used", &[], Style::Plain, "used"),
    figure("People in Chat", "#how", "chat.users", &[], Style::Plain, "people who sent messages"),
    figure(
        "Suggestions accepted",
        "#how",
        "code_suggestions.accepted",
        &[],
        Style::Plain,
        "code suggestions",
    ),
    figure("Agent sessions", "#how", "agents.sessions", &[], Style::Plain, "sessions"),
    figure("Reviews requested", "#how", "code_review.requests", &[], Style::Plain, "requests to Duo"),
    figure(
        "Stickiness",
        "#used",
        "users.stickiness",
        &[],
        Style::Percent,
        "active people on an average working day",
    ),
    figure("Seats in use", "#cost", "seats.active", &[], Style::Percent, "seats"),
];

/// The key metrics of merge requests and pipelines.
pub const PROJECT: [HeadlineMetric<'static>; 6] = [
    figure("Merge requests merged", "#merge-requests", "merge_requests.merged", &[], Style::Plain, "merged"),
    figure("Merge requests opened", "#merge-requests", "merge_requests.opened", &[], Style::Plain, "opened"),
    figure(
        "Time to merge, median",
        "#merge-requests",
        "merge_requests.time_to_merge_seconds",
        MEDIAN,
        Style::Duration,
        "from opened to merged",
    ),
    figure(
        "Merged per author",
        "#merge-requests",
        "merge_requests.per_author",
        &[],
        Style::Plain,
        "merge requests per author",
    ),
    figure("Pipelines", "#pipelines", "pipelines.count", &[], Style::Plain, "created"),
    figure("Successful pipelines", "#pipelines", "pipelines.success_rate", &[], Style::Percent, "finished"),
];

const fn figure(
    label: &'static str,
    href: &'static str,
    metric: &'static str,
    by: &'static [(&'static str, &'static str)],
    style: Style,
    of: &'static str,
) -> HeadlineMetric<'static> {
    HeadlineMetric { label, href, metric, by, style, of }
}
