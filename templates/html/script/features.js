// Code review and every other feature, down to single events.

import { decimalFormat, UNKNOWN, valueLabel, valueText } from "./format.js";
import {
  currentLine,
  currentSplit,
  emptyNote,
  filterChip,
  MAX_ROWS,
  monthlyMetrics,
  omittedRows,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  codeCell,
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
        ["reviews requested", "main", "code_review.requests"],
        ["comments posted", "quiet", "code_review.comments"],
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
  yield featureTable(page);
  if (feature) yield filterChip(`Feature: ${valueLabel(feature, "feature")}`);
  yield eventTable(page, feature);
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
      caption: withPeriod(page, "Code review"),
      columns: [textColumn("Event"), numberColumn("Count")],
      rows: rows.map(({ label, line }) => [textCell(label), barCell(line, "plain", max)]),
    },
    page,
  );
}

/** @param {Page} page */
function featureTable(page) {
  const [active, reached, events] = ["users.active", "users.exposed", "events.count"].map((metric) =>
    currentSplit(page, metric, "feature"),
  );
  const max = maxValue(active.values());
  const names = namesByValue(active, events);
  return (
    tableFigure(
      {
        id: "features-table",
        caption: withPeriod(page, "By feature (people who use several count in each)"),
        columns: [
          textColumn("Feature"),
          numberColumn("Active people"),
          numberColumn("Reached people"),
          numberColumn("Events"),
        ],
        more: omittedRows(names.length),
        rows: names
          .slice(0, MAX_ROWS)
          .map((name) => [
            textCell(valueLabel(name, "feature")),
            barCell(active.get(name), "plain", max),
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
function eventTable(page, feature) {
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const series of page.metrics.seriesOf(page.group, "events.count", page.period.grain)) {
    const { by } = series;
    if (!by.event || !by.feature || (feature && by.feature !== feature)) continue;
    const line = page.metrics.lineAt(series, page.period);
    if (line) lines.set(by.event, line);
  }
  const max = maxValue(lines.values());
  const names = namesByValue(lines);
  return (
    tableFigure(
      {
        id: "events-table",
        caption: withPeriod(page, "By event, including unknown ones, as GitLab names them"),
        columns: [textColumn("Event"), textColumn("Feature"), numberColumn("Events"), numberColumn("People")],
        more: omittedRows(names.length),
        rows: names.slice(0, MAX_ROWS).flatMap((name) => {
          const line = lines.get(name);
          if (!line) return [];
          const people = line.people === null ? UNKNOWN : decimalFormat.format(line.people);
          /** @type {Cell} */
          const peopleCell = {
            kind: "number",
            text: line.hidden ? valueText(line, "plain", page.small) : people,
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
