// Code review and every other feature, down to single events.

import { decimalFormat, UNKNOWN, valueLabel, valueText } from "./format.js";
import {
  comparedSplit,
  comparisonCells,
  comparisonColumns,
  currentLine,
  currentSplit,
  emptyNote,
  monthlyMetrics,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  codeCell,
  filterCell,
  maxValue,
  namesByValue,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/**
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @import {Cell} from "./table.js"
 */

/** @param {Page} page */
export function* featureFigures(page) {
  const { feature } = page.selected;
  yield sideBySide(
    timeSeriesFigure(
      page,
      {
        id: "reviews-by-week",
        grain: "week",
        form: "line",
        title: "Code review by week",
        note: "Reviews requested from Duo and comments that it posted.",
      },
      [
        ["requested", "main", "code_review.requests"],
        ["comments", "quiet", "code_review.comments"],
      ],
    ),
    timeSeriesFigure(
      page,
      {
        id: "troubleshoot-by-week",
        grain: "week",
        title: "Root cause analysis by week",
        note: "Requests for the root cause of a failed job.",
      },
      [["requests", "main", "troubleshoot.requests"]],
    ),
  );
  yield sideBySide(
    reviewTable(page),
    monthlyMetrics(page, "review-by-month", "By month", [
      ["Reviews requested", "code_review.requests", "plain"],
      ["Comments", "code_review.comments", "plain"],
      ["Root cause requests", "troubleshoot.requests", "plain"],
      ["People", "troubleshoot.users", "plain"],
    ]),
  );
  yield featureTable(page, feature);
  if (feature)
    yield timeSeriesFigure(
      page,
      {
        id: "feature-people",
        grain: "week",
        title: `Active people by week: ${valueLabel(feature, "feature")}`,
        note: "By week, because daily values by feature would cover too few people.",
        by: { feature },
      },
      [["active people", "main", "users.active"]],
    );
}

/** @param {Page} page */
function reviewTable(page) {
  const rows = [
    { label: "Requested by the author", metric: "code_review.requests", kind: "author" },
    { label: "Requested by someone else", metric: "code_review.requests", kind: "other" },
    { label: "Comments posted", metric: "code_review.comments", kind: "posted" },
    { label: "Thumbs up", metric: "code_review.reactions", kind: "thumbs_up" },
    { label: "Thumbs down", metric: "code_review.reactions", kind: "thumbs_down" },
  ]
    .map(({ label, metric, kind }) => ({ label, line: currentLine(page, metric, { kind }) }))
    .filter(({ line }) => line);
  const max = maxValue(rows.map(({ line }) => line));
  return tableFigure(
    {
      id: "reviews",
      caption: withPeriod(
        page,
        "Code review",
        rows.map(({ line }) => line),
      ),
      columns: [textColumn("Event"), numberColumn("Count")],
      rows: rows.map(({ label, line }) => [textCell(label), barCell(line, "plain", max)]),
    },
    page,
  );
}

/**
 * Features by active people, with the change since the period before.
 * @param {Page} page
 * @param {string} only
 */
function featureTable(page, only) {
  const [active, reached, events] = ["users.active", "users.exposed", "events.count"].map((metric) =>
    currentSplit(page, metric, "feature"),
  );
  const comparison = comparedSplit(page, "users.active", "feature");
  const max = maxValue(active.values());
  const columns = [textColumn("Feature"), numberColumn("Active people"), ...comparisonColumns(comparison)];
  columns.push(numberColumn("Reached people"), numberColumn("Events"));
  return (
    tableFigure(
      {
        id: "features-table",
        limit: 6,
        caption: withPeriod(page, "By feature", active.values()),
        note: "People who use several features count in each.",
        columns,
        rows: namesByValue(active, events)
          .filter((name) => !only || name === only)
          .map((name) => [
            filterCell(name, "feature"),
            barCell(active.get(name), "plain", max),
            ...comparisonCells(comparison, name, "plain"),
            valueCell(reached.get(name), "plain"),
            valueCell(events.get(name), "plain"),
          ]),
      },
      page,
    ) ?? emptyNote("No events by feature.")
  );
}

/**
 * @param {Page} page
 * @param {string} feature
 */
export function eventTable(page, feature) {
  /** @type {Map<string, Line>} */
  const lines = new Map();
  const period = page.metrics.newestPeriod(page.group, "events.count", page.period, ["event", "feature"]);
  for (const series of page.metrics.seriesOf(page.group, "events.count", period.grain)) {
    const { by } = series;
    if (!by.event || !by.feature || (feature && by.feature !== feature)) continue;
    const line = page.metrics.lineAt(series, period);
    if (line) lines.set(by.event, line);
  }
  const max = maxValue(lines.values());
  const names = namesByValue(lines);
  return (
    tableFigure(
      {
        id: "events-table",
        caption: withPeriod(page, "By event", lines.values()),
        columns: [textColumn("Event"), textColumn("Feature"), numberColumn("Events"), numberColumn("People")],
        limit: 20,
        rows: names.flatMap((name) => {
          const line = lines.get(name);
          if (!line) return [];
          const people = line.people === null ? UNKNOWN : decimalFormat.format(line.people);
          /** @type {Cell} */
          const peopleCell = {
            kind: "number",
            text: line.hidden ? valueText(line, "plain") : people,
            sort: line.people ?? undefined,
            pale: line.hidden !== null,
          };
          return [
            [
              codeCell(name),
              textCell(valueLabel(line.by.feature, "feature")),
              barCell(line, "plain", max),
              peopleCell,
            ],
          ];
        }),
      },
      page,
    ) ??
    (page.period.grain === "week"
      ? emptyNote("Events are not listed by week. Select a month or the last 28 days.")
      : null)
  );
}
