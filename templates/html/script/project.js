// The sections of the dashboard on merge requests and pipelines, in their order.

import { element } from "./elements.js";
import { startDashboard } from "./main.js";
import {
  byGroup,
  byMonth,
  captioned,
  leftOut,
  MOST_ROWS,
  nothing,
  overMonths,
  pair,
  parts,
  tilesOf,
  timed,
} from "./sections.js";
import { barred, bySize, figure, largest, numbers, tableFigure, text, words } from "./table.js";

const MEDIAN = { stat: "p50" };
const HIGH = { stat: "p95" };

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
  { label: "That succeed", metric: "pipelines.success_rate", style: "percent" },
];

/** The filters that say something here. */
const FILTERS = ["period", "compare", "group", "span"];

const SECTIONS = [
  {
    id: "overview",
    *build(page) {
      yield element("ul", { class: "tiles" }, tilesOf(page, page.data.headline));
      yield byGroup(page, "By group", PROJECT_COLUMNS);
      yield byMonth(page, PROJECT_COLUMNS);
    },
  },
  {
    id: "merge-requests",
    *build(page) {
      yield pair(
        timed(
          page,
          {
            id: "opened-by-day",
            title: "Merge requests opened by day",
            note: "By the day they were created.",
          },
          [["opened", "main", "merge_requests.opened"]],
        ),
        timed(
          page,
          {
            id: "merged-by-day",
            title: "Merge requests merged by day",
            note: "By the day they were merged, whenever they were opened.",
          },
          [["merged", "main", "merge_requests.merged"]],
        ),
      );
      yield timed(
        page,
        {
          id: "time-to-merge",
          grain: "week",
          form: "line",
          style: "duration",
          title: "Time to merge by week",
          note: "From opened to merged. Half of the merge requests took no longer than the median, 95 of 100 no longer than the 95th percentile.",
        },
        [
          ["median", "main", "merge_requests.time_to_merge_seconds", MEDIAN],
          ["95th percentile", "quiet", "merge_requests.time_to_merge_seconds", HIGH],
        ],
      );
      yield mergeRequestsByProject(page);
    },
  },
  {
    id: "pipelines",
    *build(page) {
      yield pair(
        timed(
          page,
          {
            id: "pipelines-by-day",
            title: "Pipelines by day",
            note: "By the day they were created, whatever became of them.",
          },
          [["pipelines", "main", "pipelines.count"]],
        ),
        timed(
          page,
          {
            id: "success-by-day",
            form: "line",
            style: "percent",
            title: "Share of pipelines that succeed by day",
            note: "Cancelled and skipped ones are left out.",
          },
          [["success rate", "main", "pipelines.success_rate"]],
        ),
      );
      yield timed(
        page,
        {
          id: "pipeline-durations",
          grain: "week",
          form: "line",
          style: "duration",
          title: "Duration of pipelines by week",
          note: "Of finished pipelines.",
        },
        [
          ["median", "main", "pipelines.duration_seconds", MEDIAN],
          ["95th percentile", "quiet", "pipelines.duration_seconds", HIGH],
        ],
      );
      yield pipelinesByProject(page);
    },
  },
  {
    id: "dora",
    *build(page) {
      yield dora(page);
    },
  },
];

function mergeRequestsByProject(page) {
  const split = (metric, also) => parts(page, metric, "project", also);
  const [merged, opened] = [split("merge_requests.merged"), split("merge_requests.opened")];
  const [median, high] = [MEDIAN, HIGH].map((stat) => split("merge_requests.time_to_merge_seconds", stat));
  const most = largest([...merged.values(), ...opened.values()]);
  const names = bySize(merged, opened);
  return (
    tableFigure(
      {
        id: "merge-requests-by-project",
        caption: captioned(page, "Merge requests by project"),
        more: leftOut(names.length),
        columns: [
          words("Project"),
          numbers("Opened"),
          numbers("Merged"),
          numbers("Time to merge, median"),
          numbers("95th percentile"),
        ],
        rows: names
          .slice(0, MOST_ROWS)
          .map((name) => [
            text(name),
            barred(opened.get(name), "plain", most),
            barred(merged.get(name), "plain", most),
            figure(median.get(name), "duration"),
            figure(high.get(name), "duration"),
          ]),
      },
      page,
    ) ?? weekly(page, "Projects")
  );
}

function pipelinesByProject(page) {
  const split = (metric, also) => parts(page, metric, "project", also);
  const [count, rate] = [split("pipelines.count"), split("pipelines.success_rate")];
  const [median, high] = [MEDIAN, HIGH].map((stat) => split("pipelines.duration_seconds", stat));
  const most = largest(count.values());
  const names = bySize(count, rate);
  return (
    tableFigure(
      {
        id: "pipelines-by-project",
        caption: captioned(page, "Pipelines by project"),
        more: leftOut(names.length),
        columns: [
          words("Project"),
          numbers("Pipelines"),
          numbers("Success rate"),
          numbers("Duration, median"),
          numbers("95th percentile"),
        ],
        rows: names
          .slice(0, MOST_ROWS)
          .map((name) => [
            text(name),
            barred(count.get(name), "plain", most),
            barred(rate.get(name), "percent", 1),
            figure(median.get(name), "duration"),
            figure(high.get(name), "duration"),
          ]),
      },
      page,
    ) ?? weekly(page, "Projects")
  );
}

function weekly(page, what) {
  return nothing(
    page.period.grain === "week"
      ? `${what} are not listed by the week: choose a month or the 28 days.`
      : `No ${what.toLowerCase()} are told for this period.`,
  );
}

function dora(page) {
  const columns = [
    ["Deployments a day", "dora.deployment_frequency", "plain"],
    ["Lead time for changes", "dora.lead_time_for_changes_seconds", "duration"],
    ["Time to restore", "dora.time_to_restore_service_seconds", "duration"],
    ["Changes that fail", "dora.change_failure_rate", "percent"],
  ];
  const table = overMonths(page, "dora-table", "DORA by month", columns);
  return table ?? nothing("Not known: GitLab tells them of one group, and only with Ultimate.");
}

startDashboard(SECTIONS, FILTERS);
