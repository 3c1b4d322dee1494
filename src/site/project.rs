//! The page on merge requests and pipelines.

use minijinja::{Value, context};

use crate::calendar::Grain;

use super::Error;
use super::chart::{Axis, Chart, Form, Layer};
use super::duo::{by_month, by_size, daily, largest, left_out, table};
use super::headline::{MEDIAN, PROJECT};
use super::number::Style;
use super::page::Frame;
use super::place::Place;
use super::table::{Cell, Column, Table};
use super::text::{LONGEST_LABEL, plain};
use super::tile::Tile;

/// Rows of the table by project; the file of all numbers has the rest.
const MOST_ROWS: usize = 40;

const HIGH: &[(&str, &str)] = &[("stat", "p95")];

/// The tiles and the page.
pub(super) fn page(frame: &Frame<'_>) -> Result<(Vec<Tile>, String), Error> {
    let (Some(place), Some(days), Some(weeks)) =
        (frame.main(), frame.axis(Grain::Day), frame.axis(Grain::Week))
    else {
        return Ok((Vec::new(), frame.render("project.html", &[], Value::UNDEFINED)?));
    };
    let recent = frame.recent_days();
    let tiles: Vec<Tile> = PROJECT.iter().map(|figure| Tile::new(figure, place, recent.as_ref())).collect();
    let content = context! {
        months => table(by_month(place, &[
            ("Opened", "merge_requests.opened", Style::Plain),
            ("Merged", "merge_requests.merged", Style::Plain),
            ("Merged per author", "merge_requests.per_author", Style::Plain),
            ("Pipelines", "pipelines.count", Style::Plain),
            ("Pipelines that succeed", "pipelines.success_rate", Style::Percent),
        ])),
        opened => daily(place, &days, Chart {
            id: "opened-by-day",
            title: "Merge requests opened by day",
            note: "By the day they were created.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("opened", "main", "merge_requests.opened")]),
        merged => daily(place, &days, Chart {
            id: "merged-by-day",
            title: "Merge requests merged by day",
            note: "By the day they were merged, whenever they were opened.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("merged", "main", "merge_requests.merged")]),
        time_to_merge => weekly(place, &weeks, &Chart {
            id: "time-to-merge",
            title: "Time to merge by week",
            note: "From opened to merged. Half of the merge requests took no longer than the median, 95 of 100 no longer than the 95th percentile.",
            style: Style::Duration,
            form: Form::Line,
        }, "merge_requests.time_to_merge_seconds"),
        pipelines => daily(place, &days, Chart {
            id: "pipelines-by-day",
            title: "Pipelines by day",
            note: "By the day they were created, whatever became of them.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("pipelines", "main", "pipelines.count")]),
        success => daily(place, &days, Chart {
            id: "success-by-day",
            title: "Share of pipelines that succeed by day",
            note: "Of those that succeeded or failed; cancelled and skipped ones are left out.",
            style: Style::Percent,
            form: Form::Line,
        }, &[("success rate", "main", "pipelines.success_rate")]),
        durations => weekly(place, &weeks, &Chart {
            id: "pipeline-durations",
            title: "Duration of pipelines by week",
            note: "Of finished pipelines.",
            style: Style::Duration,
            form: Form::Line,
        }, "pipelines.duration_seconds"),
        by_group => table(by_group(frame)),
        merge_requests_by_project => table(merge_requests_by_project(place)),
        pipelines_by_project => table(pipelines_by_project(place)),
    };
    let html = frame.render("project.html", &tiles, content)?;
    Ok((tiles, html))
}

/// Median and 95th percentile of each week.
fn weekly<'a>(place: &Place<'a>, weeks: &Axis, chart: &Chart, metric: &'a str) -> Value {
    let layer =
        |name, class, by| Layer::new(name, class, weeks, &place.series(metric, Grain::Week, by), chart.style);
    chart.value(weeks, &[layer("median", "main", MEDIAN), layer("95th percentile", "quiet", HIGH)])
}

fn by_group(frame: &Frame<'_>) -> Table {
    let columns = [
        Column::words("Group"),
        Column::numbers("Opened"),
        Column::numbers("Merged"),
        Column::numbers("Time to merge, median"),
        Column::numbers("Pipelines"),
        Column::numbers("Pipelines that succeed"),
    ];
    let mut table = Table::new("groups", "By group, 28 days", &columns);
    let most = largest(frame.groups().iter().map(|place| place.window("merge_requests.merged", &[])));
    for place in frame.groups() {
        let merged = place.window("merge_requests.merged", &[]);
        table.push(vec![
            Cell::words(place.name()),
            Cell::line(place.window("merge_requests.opened", &[]), Style::Plain),
            Cell::line(merged, Style::Plain).with_bar(merged, most),
            Cell::line(place.window("merge_requests.time_to_merge_seconds", MEDIAN), Style::Duration),
            Cell::line(place.window("pipelines.count", &[]), Style::Plain),
            Cell::line(place.window("pipelines.success_rate", &[]), Style::Percent),
        ]);
    }
    table
}

fn merge_requests_by_project(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Project"),
        Column::numbers("Opened"),
        Column::numbers("Merged"),
        Column::numbers("Time to merge, median"),
        Column::numbers("95th percentile"),
    ];
    let mut table = Table::new("merge-requests-by-project", "Merge requests by project, 28 days", &columns);
    let split = |metric, also| place.split(metric, Grain::Window, "project", also);
    let (opened, merged) = (split("merge_requests.opened", &[]), split("merge_requests.merged", &[]));
    let median = split("merge_requests.time_to_merge_seconds", MEDIAN);
    let high = split("merge_requests.time_to_merge_seconds", HIGH);
    let most = largest(opened.values().chain(merged.values()).map(|line| Some(*line)));
    let names = by_size(&[&merged, &opened]);
    for name in names.iter().take(MOST_ROWS) {
        let (opened, merged) = (opened.get(name).copied(), merged.get(name).copied());
        table.push(vec![
            Cell::words(plain(name, LONGEST_LABEL)),
            Cell::line(opened, Style::Plain).with_bar(opened, most),
            Cell::line(merged, Style::Plain).with_bar(merged, most),
            Cell::line(median.get(name).copied(), Style::Duration),
            Cell::line(high.get(name).copied(), Style::Duration),
        ]);
    }
    table.more = left_out(names.len());
    table
}

fn pipelines_by_project(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Project"),
        Column::numbers("Pipelines"),
        Column::numbers("Success rate"),
        Column::numbers("Duration, median"),
        Column::numbers("95th percentile"),
    ];
    let mut table = Table::new("pipelines-by-project", "Pipelines by project, 28 days", &columns);
    let split = |metric, also| place.split(metric, Grain::Window, "project", also);
    let (count, rate) = (split("pipelines.count", &[]), split("pipelines.success_rate", &[]));
    let (median, high) =
        (split("pipelines.duration_seconds", MEDIAN), split("pipelines.duration_seconds", HIGH));
    let most = largest(count.values().map(|line| Some(*line)));
    let names = by_size(&[&count, &rate]);
    for name in names.iter().take(MOST_ROWS) {
        let (count, rate) = (count.get(name).copied(), rate.get(name).copied());
        table.push(vec![
            Cell::words(plain(name, LONGEST_LABEL)),
            Cell::line(count, Style::Plain).with_bar(count, most),
            Cell::line(rate, Style::Percent).with_bar(rate, 1.0),
            Cell::line(median.get(name).copied(), Style::Duration),
            Cell::line(high.get(name).copied(), Style::Duration),
        ]);
    }
    table.more = left_out(names.len());
    table
}
