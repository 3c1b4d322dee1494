// Agents: how many sessions ran, of which flows, agents and types, and with which tools.

import { element } from "./elements.js";
import { valueLabel } from "./format.js";
import {
  currentLine,
  currentSplit,
  emptyFigure,
  emptyNote,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  filterCell,
  identifierCell,
  maxValue,
  namesByValue,
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

/** @type {Record<string, string>} What each source of sessions reports. */
const SOURCES = {
  sessions: "Sessions are counted from their events.",
  gitlab_aggregate:
    "Sessions are counted by GitLab. Durations are those of finished sessions only, as GitLab computes them.",
  events: "Sessions are counted from the events of their creation, which report neither flow nor outcome.",
  mixed: "The days of this period come from different sources, and not all of them report flow and outcome.",
};

/**
 * What to show where no source reports sessions; null where one does.
 * @param {Page} page
 */
export function noAgents(page) {
  const isKnown = ["sessions", "tool_calls", "tokens"].some((name) =>
    page.metrics.hasValues(`agents.${name}`),
  );
  return isKnown
    ? null
    : emptyNote(
        element("strong", {}, "Not available. "),
        "GitLab returned neither sessions of agents nor their number. Import Duo Agent Platform events to see them.",
      );
}

/** @param {Page} page */
export function sourceNote(page) {
  const source = SOURCES[currentLine(page, "agents.sessions")?.source ?? ""];
  return source ? element("p", { class: "note" }, source) : null;
}

/** @param {Page} page */
export function* agentFigures(page) {
  const none = noAgents(page);
  if (none) {
    yield none;
    return;
  }
  const { flow } = page.selected;
  /** @type {Dimensions} */
  const by = flow ? { flow } : {};
  yield sourceNote(page);
  yield sideBySide(
    timeSeriesFigure(
      page,
      {
        id: "sessions",
        grain: flow ? "week" : "day",
        by,
        title: `Sessions by ${flow ? "week" : "day"}`,
        note: "By the day of creation or of the first event of a session.",
      },
      [["sessions", "main", "agents.sessions"]],
    ),
    toolTable(page, by) ?? noFlowData(flow, "tools", "Tools"),
  );
  yield flowTable(page, flow);
  yield versionTable(page, flow);
  if (!flow)
    yield sideBySide(
      labelTable(page, "agent", "By agent", "Agent"),
      labelTable(page, "item_type", "By type", "Type"),
    );
}

/**
 * A note instead of a table without lines for the selected flow.
 * @param {string} flow
 * @param {string} id
 * @param {string} title
 */
export function noFlowData(flow, id, title) {
  return flow && emptyFigure(id, title, `No data for the flow ${valueLabel(flow, "flow")} in this period.`);
}

/**
 * The flows of which several versions ran, so that they can be compared.
 * @param {Page} page
 * @param {string} only
 */
function versionTable(page, only) {
  const flows = namesByValue(currentSplit(page, "agents.sessions", "flow"));
  const compared = flows
    .filter((flow) => !only || flow === only)
    .map((flow) => ({ flow, versions: currentSplit(page, "agents.sessions", "flow_version", { flow }) }))
    .filter(({ versions }) => versions.size > 1);
  const max = maxValue(compared.flatMap(({ versions }) => [...versions.values()]));
  return tableFigure(
    {
      id: "flow-versions",
      caption: withPeriod(
        page,
        "By version of a flow",
        compared.flatMap(({ versions }) => [...versions.values()]),
      ),
      columns: [textColumn("Flow"), textColumn("Version"), ...LABEL_COLUMNS],
      rows: compared.flatMap(({ flow, versions }) =>
        namesByValue(versions).map((version) => [
          textCell(valueLabel(flow, "flow")),
          textCell(valueLabel(version, "flow_version")),
          ...labelCells(page, { flow, flow_version: version }, max),
        ]),
      ),
    },
    page,
  );
}

/**
 * @param {Page} page
 * @param {"agent"|"item_type"} dimension
 * @param {string} title
 * @param {string} heading
 */
function labelTable(page, dimension, title, heading) {
  const labels = currentSplit(page, "agents.sessions", dimension);
  const max = maxValue(labels.values());
  return tableFigure(
    {
      id: dimension === "agent" ? "session-agents" : "session-types",
      caption: withPeriod(page, title, labels.values()),
      columns: [textColumn(heading), ...LABEL_COLUMNS],
      rows: namesByValue(labels).map((label) => [
        textCell(valueLabel(label, dimension)),
        ...labelCells(page, { [dimension]: label }, max),
      ]),
      total: labels.size > 1 ? [textCell("All"), ...labelCells(page, {}, max)] : null,
    },
    page,
  );
}

const LABEL_COLUMNS = [
  numberColumn("Sessions"),
  numberColumn("Success rate"),
  numberColumn("Duration, median"),
  numberColumn("People"),
];

/**
 * The cells of {@link LABEL_COLUMNS}.
 * @param {Page} page
 * @param {Dimensions} by
 * @param {number} max
 */
function labelCells(page, by, max) {
  return [
    barCell(currentLine(page, "agents.sessions", by), "plain", max),
    barCell(currentLine(page, "agents.success_rate", by), "percent", 1),
    valueCell(currentLine(page, "agents.duration_seconds", { ...by, stat: "p50" }), "duration"),
    valueCell(currentLine(page, "agents.users", by), "plain"),
  ];
}

/**
 * @param {Page} page
 * @param {string} only
 */
function flowTable(page, only) {
  const flows = currentSplit(page, "agents.sessions", "flow");
  const max = maxValue(flows.values());
  /** @type {(by: Dimensions) => import("./table.js").Cell[]} */
  const cells = (by) => [
    barCell(currentLine(page, "agents.sessions", by), "plain", max),
    valueCell(currentLine(page, "agents.users", by), "plain"),
    ...["p50", "p95", "active"].map((stat) =>
      valueCell(currentLine(page, "agents.duration_seconds", { ...by, stat }), "duration", { brief: true }),
    ),
  ];
  return tableFigure(
    {
      id: "session-flows",
      caption: withPeriod(page, "By flow", flows.values()),
      columns: [
        textColumn("Flow"),
        numberColumn("Sessions"),
        numberColumn("People"),
        { ...numberColumn("Duration, median"), unitOf: "duration" },
        { ...numberColumn("Duration, p95"), unitOf: "duration" },
        { ...numberColumn("Active time, median"), unitOf: "duration" },
      ],
      rows: namesByValue(flows)
        .filter((flow) => !only || flow === only)
        .map((flow) => [filterCell(flow, "flow"), ...cells({ flow })]),
      total: only || flows.size < 2 ? null : [textCell("All flows"), ...cells({})],
    },
    page,
  );
}

/**
 * @param {Page} page
 * @param {Dimensions} by
 */
function toolTable(page, by) {
  const [calls, failures] = ["agents.tool_calls", "agents.tool_failure_rate"].map((metric) =>
    currentSplit(page, metric, "tool", by),
  );
  const max = maxValue(calls.values());
  return tableFigure(
    {
      id: "tools",
      caption: withPeriod(page, "Tools", calls.values()),
      columns: [textColumn("Tool"), numberColumn("Calls"), numberColumn("Failure rate")],
      rows: namesByValue(calls).map((tool) => [
        identifierCell(tool, "tool"),
        barCell(calls.get(tool), "plain", max),
        valueCell(failures.get(tool), "percent"),
      ]),
    },
    page,
  );
}
