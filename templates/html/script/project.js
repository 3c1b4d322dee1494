// The sections of the dashboard on merge requests and pipelines, in their order.

import { startDashboard } from "./main.js";
import {
  groupTable,
  monthTable,
  withPeriod,
  emptyNote,
  monthlyMetrics,
  sideBySide,
  currentSplit,
  timeSeriesFigure,
} from "./sections.js";
import {
  barCell,
  namesByValue,
  valueCell,
  maxValue,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
} from "./table.js";

/**
 * @import {MetricColumn, Page, Section} from "./sections.js"
 */

const MEDIAN = { stat: "p50" };
const P95 = { stat: "p95" };

/** @type {MetricColumn[]} */
const PROJECT_COLUMNS = [
  { label: "Merged", metric: "merge_requests.merged", style: "plain" },
  { label: "Opened", metric: "merge_requests.opened", style: "plain" },
  {
    label: "Time to merge, median",
    metric: "merge_requests.time_to_merge_seconds",
    by: MEDIAN,
    style: "duration",
  },
  {
    label: "Merged per author",
    metric: "merge_requests.per_author",
    style: "plain",
  },
  { label: "Pipelines", metric: "pipelines.count", style: "plain" },
  { label: "Success rate", metric: "pipelines.success_rate", style: "percent" },
];

/** @type {Section[]} */
const SECTIONS = [
  {
    id: "groups-view",
    *build(page) {
      yield groupTable(page, "By group", PROJECT_COLUMNS);
      yield monthTable(page, PROJECT_COLUMNS);
    },
  },
  {
    id: "merge-requests",
    *build(page) {
      yield sideBySide(
        timeSeriesFigure(
          page,
          {
            id: "opened-by-day",
            title: "Merge requests opened by day",
            note: "By creation day.",
          },
          [["opened", "main", "merge_requests.opened"]],
        ),
        timeSeriesFigure(
          page,
          {
            id: "merged-by-day",
            title: "Merge requests merged by day",
            note: "By merge day, regardless of when they were opened.",
          },
          [["merged", "main", "merge_requests.merged"]],
        ),
      );
      yield timeSeriesFigure(
        page,
        {
          id: "time-to-merge",
          grain: "week",
          form: "line",
          style: "duration",
          title: "Time to merge by week",
          note: "From opened to merged. Half of the merge requests took no longer than the median, and 95% no longer than the 95th percentile (p95).",
        },
        [
          ["median", "main", "merge_requests.time_to_merge_seconds", MEDIAN],
          ["p95", "quiet", "merge_requests.time_to_merge_seconds", P95],
        ],
      );
      yield mergeRequestsByProject(page);
    },
  },
  {
    id: "pipelines",
    *build(page) {
      yield sideBySide(
        timeSeriesFigure(
          page,
          {
            id: "pipelines-by-day",
            title: "Pipelines by day",
            note: "By creation day, regardless of the outcome.",
          },
          [["pipelines", "main", "pipelines.count"]],
        ),
        timeSeriesFigure(
          page,
          {
            id: "success-by-day",
            form: "line",
            style: "percent",
            title: "Pipeline success rate by day",
            note: "Without canceled and skipped pipelines.",
          },
          [["success rate", "main", "pipelines.success_rate"]],
        ),
      );
      yield timeSeriesFigure(
        page,
        {
          id: "pipeline-durations",
          grain: "week",
          form: "line",
          style: "duration",
          title: "Pipeline duration by week",
          note: "Finished pipelines only.",
        },
        [
          ["median", "main", "pipelines.duration_seconds", MEDIAN],
          ["p95", "quiet", "pipelines.duration_seconds", P95],
        ],
      );
      yield pipelinesByProject(page);
    },
  },
  {
    id: "dora",
    *build(page) {
      yield doraTable(page);
    },
  },
];

/** @param {Page} page */
function mergeRequestsByProject(page) {
  /** @param {string} metric */
  const split = (metric, fixed = {}) => currentSplit(page, metric, "project", fixed);
  const [merged, opened] = [split("merge_requests.merged"), split("merge_requests.opened")];
  const [median, high] = [MEDIAN, P95].map((stat) => split("merge_requests.time_to_merge_seconds", stat));
  const max = maxValue([...merged.values(), ...opened.values()]);
  const names = namesByValue(merged, opened);
  return (
    tableFigure(
      {
        id: "merge-requests-by-project",
        caption: withPeriod(page, "Merge requests by project", merged.values()),
        columns: [
          textColumn("Project"),
          numberColumn("Opened"),
          numberColumn("Merged"),
          numberColumn("Time to merge, median"),
          numberColumn("Time to merge, p95"),
        ],
        rows: names.map((name) => [
          textCell(name),
          barCell(opened.get(name), "plain", max),
          barCell(merged.get(name), "plain", max),
          valueCell(median.get(name), "duration"),
          valueCell(high.get(name), "duration"),
        ]),
      },
      page,
    ) ?? noProjects(page)
  );
}

/** @param {Page} page */
function pipelinesByProject(page) {
  /** @param {string} metric */
  const split = (metric, fixed = {}) => currentSplit(page, metric, "project", fixed);
  const [count, rate] = [split("pipelines.count"), split("pipelines.success_rate")];
  const [median, high] = [MEDIAN, P95].map((stat) => split("pipelines.duration_seconds", stat));
  const max = maxValue(count.values());
  const names = namesByValue(count, rate);
  return (
    tableFigure(
      {
        id: "pipelines-by-project",
        caption: withPeriod(page, "Pipelines by project", count.values()),
        columns: [
          textColumn("Project"),
          numberColumn("Pipelines"),
          numberColumn("Success rate"),
          numberColumn("Duration, median"),
          numberColumn("Duration, p95"),
        ],
        rows: names.map((name) => [
          textCell(name),
          barCell(count.get(name), "plain", max),
          barCell(rate.get(name), "percent", 1),
          valueCell(median.get(name), "duration"),
          valueCell(high.get(name), "duration"),
        ]),
      },
      page,
    ) ?? noProjects(page)
  );
}

/** @param {Page} page */
function noProjects(page) {
  return emptyNote(
    page.period.grain === "week"
      ? "Projects are not listed by week. Select a month or the last 28 days."
      : "No projects were reported for this period.",
  );
}

/** @param {Page} page */
function doraTable(page) {
  const table = monthlyMetrics(page, "dora-table", "DORA by month", [
    ["Deployments per day", "dora.deployment_frequency", "plain"],
    ["Lead time for changes", "dora.lead_time_for_changes_seconds", "duration"],
    ["Time to restore service", "dora.time_to_restore_service_seconds", "duration"],
    ["Change failure rate", "dora.change_failure_rate", "percent"],
  ]);
  return (
    table ??
    emptyNote("Not available: GitLab reports DORA metrics for one group at a time, and only with Ultimate.")
  );
}

startDashboard(SECTIONS);
