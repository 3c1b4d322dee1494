// How sessions of agents end: by outcome, by week, and by flow beside the period before.

import { noAgents, noFlowData, sourceNote } from "./agents.js";
import { compositionFigure } from "./composition.js";
import { FORMATTERS, quotientText, UNKNOWN, valueLabel } from "./format.js";
import {
  comparedSplit,
  comparisonCells,
  comparisonColumns,
  currentLine,
  currentSplit,
  emptyNote,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  filterCell,
  maxValue,
  namesByValue,
  numberCell,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/**
 * @import {Dimensions, Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 */

/** @type {[string, string][]} Outcomes of sessions with their tones. */
const OUTCOMES = [
  ["finished", "main"],
  ["failed", "mark"],
  ["stopped", "s1"],
  ["stuck", "s2"],
  ["cancelled", "s3"],
  ["open", "s4"],
  ["other", "quiet"],
];

/** @param {Page} page */
export function* outcomeFigures(page) {
  const none = noAgents(page);
  if (none) {
    yield none;
    return;
  }
  const { flow } = page.selected;
  /** @type {Dimensions} */
  const by = flow ? { flow } : {};
  yield sourceNote(page);
  const statuses = currentSplit(page, "agents.sessions", "status", by);
  yield outcomeFigure(page, statuses) ?? noFlowData(flow, "session-status", "Sessions by outcome");
  const weekly = page.metrics.seriesOf(page.group, "agents.sessions", "week");
  const known = OUTCOMES.filter(([status]) => weekly.some((series) => series.by.status === status)).slice(
    0,
    5,
  );
  yield sideBySide(
    known.length > 0 &&
      timeSeriesFigure(
        page,
        {
          id: "outcomes-by-week",
          grain: "week",
          form: "stacked",
          by,
          title: "Sessions by outcome and week",
          note: "By the week of creation or of the first event of a session.",
        },
        known.map(([status, tone]) => [status, tone, "agents.sessions", { status }]),
      ),
    timeSeriesFigure(
      page,
      {
        id: "session-success",
        grain: "week",
        by,
        form: "line",
        style: "percent",
        title: "Success rate by week",
        note: "Finished sessions as a share of finished, failed, stopped and stuck ones, without Chat.",
      },
      [["success rate", "main", "agents.success_rate"]],
    ),
  );
  yield flowRates(page, flow);
}

/**
 * @param {Page} page
 * @param {Map<string, Line>} statuses
 */
function outcomeFigure(page, statuses) {
  const lines = [...statuses.values()];
  const isPart = lines.some((line) => line.hidden);
  const { flow } = page.selected;
  const all =
    lines[0] && page.metrics.line(page.group, "agents.sessions", lines[0].period, flow ? { flow } : {});
  return compositionFigure(
    {
      id: "session-status",
      title: withPeriod(page, "Sessions by outcome", lines),
      note: "",
      parts: OUTCOMES.flatMap(([status, tone]) => {
        const value = statuses.get(status)?.value;
        return value ? [{ name: valueLabel(status, "status"), value, tone }] : [];
      }),
      lines,
      foot: isPart && !all?.value ? "Suppressed outcomes are not part of the bar." : null,
      whole: isPart ? (all?.value ?? null) : undefined,
    },
    page,
  );
}

/**
 * Success and completion by flow, with the change since the period before.
 * @param {Page} page
 * @param {string} only
 */
function flowRates(page, only) {
  const rates = currentSplit(page, "agents.success_rate", "flow");
  const sessions = currentSplit(page, "agents.sessions", "flow");
  const comparison = comparedSplit(page, "agents.success_rate", "flow");
  const columns = [
    textColumn("Flow"),
    numberColumn("Success rate"),
    numberColumn("Completed, as GitLab counts"),
    numberColumn("Sessions"),
  ];
  columns.push(...comparisonColumns(comparison));
  const max = maxValue(sessions.values());
  /** @type {(by: Dimensions, line?: Line) => import("./table.js").Cell[]} */
  const cells = (by, line) => [
    barCell(line, "percent", 1),
    valueCell(currentLine(page, "agents.completion_rate", by), "percent", { brief: true }),
    barCell(currentLine(page, "agents.sessions", by), "plain", max),
    ...comparisonCells(comparison, by.flow ?? "", "percent"),
  ];
  const total = currentLine(page, "agents.success_rate");
  return (
    tableFigure(
      {
        id: "flow-rates",
        caption: withPeriod(page, "Success by flow", rates.values()),
        columns,
        rows: namesByValue(sessions, rates)
          .filter((flow) => rates.has(flow) && (!only || flow === only))
          .map((flow) => [filterCell(flow, "flow"), ...cells({ flow }, rates.get(flow))]),
        total: only || rates.size < 2 ? null : [textCell("All flows"), ...cells({}, total)],
      },
      page,
    ) ??
    emptyNote(
      "No success rates by flow: the source does not report which sessions failed. Import Duo Agent Platform events to see them.",
    )
  );
}

/**
 * A number of something for each finished session.
 * @param {Line|undefined} cost
 * @param {Line|undefined} finished
 * @param {"plain"|"dollars"} style
 */
export function perSession(cost, finished, style) {
  if (typeof cost?.value !== "number" || !finished?.value) return numberCell(UNKNOWN);
  const ratio = cost.value / finished.value;
  return numberCell(style === "plain" ? quotientText(ratio) : FORMATTERS[style](ratio), ratio);
}
