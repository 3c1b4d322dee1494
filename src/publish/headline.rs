//! The figures at the head of a dashboard and of a digest.

use super::number::Style;

/// One figure.
pub struct HeadlineMetric<'a> {
    /// What is counted, in a few words.
    pub label: &'static str,
    /// The section of the page behind it.
    pub href: &'static str,
    /// The metric.
    pub metric: &'a str,
    /// Its dimensions.
    pub by: &'a [(&'a str, &'a str)],
    /// How it is written.
    pub style: Style,
    /// What `n` or `of` are, for example `seats`.
    pub of: &'static str,
}

/// The median of a metric that is told as statistics.
pub const MEDIAN: &[(&str, &str)] = &[("stat", "p50")];

/// The figures on the use of GitLab Duo.
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
    figure("People in Chat", "#chat", "chat.users", &[], Style::Plain, "people who asked"),
    figure(
        "Stickiness",
        "#adoption",
        "users.stickiness",
        &[],
        Style::Percent,
        "of active people on a working day",
    ),
];

/// The figures on merge requests and pipelines.
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
    figure("Pipelines that succeed", "#pipelines", "pipelines.success_rate", &[], Style::Percent, "finished"),
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
