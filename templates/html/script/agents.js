// Agents: sessions by flow and status, success, duration, tools, tokens, models and cost.

import { element } from "./elements.js";
import { periodName, valueLabel } from "./format.js";
import {
  currentLine,
  currentSplit,
  emptyFigure,
  emptyNote,
  filterChip,
  MAX_ROWS,
  omittedRows,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
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

/** @param {Page} page */
export function* agentFigures(page) {
  const isKnown = ["sessions", "tool_calls", "tokens"].some((name) =>
    page.metrics.hasValues(`agents.${name}`),
  );
  if (!isKnown) {
    yield emptyNote(
      element("strong", {}, "Not available. "),
      "GitLab returned neither sessions of agents nor their number. Import Duo Agent Platform events to see them.",
    );
    yield creditBalanceTable(page);
    yield creditTable(page);
    return;
  }
  const { flow } = page.selected;
  /** @type {Dimensions} */
  const by = flow ? { flow } : {};
  const statuses = currentSplit(page, "agents.sessions", "status", by);
  const maxSessions = maxValue(statuses.values());
  if (flow) yield filterChip(`Flow: ${valueLabel(flow, "flow")}`);
  const source = SOURCES[currentLine(page, "agents.sessions")?.source ?? ""];
  if (source) yield element("p", { class: "note" }, source);
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
    timeSeriesFigure(
      page,
      {
        id: "session-success",
        grain: "week",
        by,
        form: "line",
        style: "percent",
        title: "Success rate by week",
        note: "Finished sessions as a share of finished, failed, stopped and stuck ones.",
      },
      [["success rate", "main", "agents.success_rate"]],
    ),
  );
  yield sideBySide(
    tableFigure(
      {
        id: "session-status",
        caption: withPeriod(page, "Sessions by outcome"),
        columns: [textColumn("Status"), numberColumn("Sessions")],
        rows: namesByValue(statuses).map((status) => [
          textCell(valueLabel(status, "status")),
          barCell(statuses.get(status), "plain", maxSessions),
        ]),
      },
      page,
    ) ?? noFlowData(flow, "session-status", "Sessions by outcome"),
    tokenTable(page, by) ?? noFlowData(flow, "tokens", "Tokens by kind"),
  );
  yield flowTable(page, flow);
  yield versionTable(page, flow);
  if (!flow)
    yield sideBySide(
      labelTable(page, "agent", "By agent", "Agent"),
      labelTable(page, "item_type", "By type", "Type"),
    );
  yield modelTable(page);
  yield sideBySide(toolTable(page, by) ?? noFlowData(flow, "tools", "Tools"), costTable(page));
  yield creditBalanceTable(page);
  yield creditTable(page);
}

/**
 * A note instead of a table without lines for the selected flow.
 * @param {string} flow
 * @param {string} id
 * @param {string} title
 */
function noFlowData(flow, id, title) {
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
      caption: withPeriod(page, "By version of a flow"),
      columns: [textColumn("Flow"), textColumn("Version"), ...LABEL_COLUMNS],
      rows: compared
        .flatMap(({ flow, versions }) =>
          namesByValue(versions).map((version) => [
            textCell(valueLabel(flow, "flow")),
            textCell(valueLabel(version, "flow_version")),
            ...labelCells(page, { flow, flow_version: version }, max),
          ]),
        )
        .slice(0, MAX_ROWS),
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
      caption: withPeriod(page, title),
      columns: [textColumn(heading), ...LABEL_COLUMNS],
      rows: namesByValue(labels)
        .slice(0, MAX_ROWS)
        .map((label) => [
          textCell(valueLabel(label, dimension)),
          ...labelCells(page, { [dimension]: label }, max),
        ]),
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
  /** @type {(flow: string, stat: string) => Line|undefined} */
  const duration = (flow, stat) => currentLine(page, "agents.duration_seconds", { flow, stat });
  return tableFigure(
    {
      id: "session-flows",
      caption: withPeriod(page, "By flow"),
      columns: [
        textColumn("Flow"),
        numberColumn("Sessions"),
        numberColumn("Success rate"),
        numberColumn("Completed"),
        numberColumn("Duration, median"),
        numberColumn("Duration, p95"),
        numberColumn("Active time, median"),
        numberColumn("People"),
      ],
      rows: namesByValue(flows)
        .filter((flow) => !only || flow === only)
        .slice(0, MAX_ROWS)
        .map((flow) => [
          textCell(valueLabel(flow, "flow")),
          barCell(flows.get(flow), "plain", max),
          barCell(currentLine(page, "agents.success_rate", { flow }), "percent", 1),
          valueCell(currentLine(page, "agents.completion_rate", { flow }), "percent"),
          valueCell(duration(flow, "p50"), "duration"),
          valueCell(duration(flow, "p95"), "duration"),
          valueCell(duration(flow, "active"), "duration"),
          valueCell(currentLine(page, "agents.users", { flow }), "plain"),
        ]),
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
      caption: withPeriod(page, "Tools"),
      columns: [textColumn("Tool"), numberColumn("Calls"), numberColumn("Failure rate")],
      more: omittedRows(calls.size),
      rows: namesByValue(calls)
        .slice(0, MAX_ROWS)
        .map((tool) => [
          identifierCell(tool, "tool"),
          barCell(calls.get(tool), "plain", max),
          valueCell(failures.get(tool), "percent"),
        ]),
    },
    page,
  );
}

/**
 * @param {Page} page
 * @param {Dimensions} by
 */
function tokenTable(page, by) {
  const kinds = currentSplit(page, "agents.tokens", "kind", by);
  const max = maxValue(kinds.values());
  return tableFigure(
    {
      id: "tokens",
      caption: withPeriod(page, "Tokens by kind"),
      note: "Kinds do not add up: for some models, cached tokens are part of the input.",
      columns: [textColumn("Kind"), numberColumn("Tokens")],
      rows: namesByValue(kinds).map((kind) => [
        textCell(valueLabel(kind, "kind")),
        barCell(kinds.get(kind), "plain", max),
      ]),
    },
    page,
  );
}

/** @param {Page} page */
function modelTable(page) {
  const [input, output] = ["input", "output"].map((kind) =>
    currentSplit(page, "agents.tokens", "model", { kind }),
  );
  const cacheHits = currentSplit(page, "agents.cache_hit_rate", "model");
  const max = maxValue(input.values());
  return tableFigure(
    {
      id: "models",
      caption: withPeriod(page, "Models"),
      columns: [
        textColumn("Model"),
        numberColumn("Input tokens"),
        numberColumn("Output tokens"),
        numberColumn("Input from the cache"),
      ],
      rows: namesByValue(input, output)
        .slice(0, MAX_ROWS)
        .map((model) => [
          identifierCell(model, "model"),
          barCell(input.get(model), "plain", max),
          valueCell(output.get(model), "plain"),
          valueCell(cacheHits.get(model), "percent"),
        ]),
    },
    page,
  );
}

/** @param {Page} page */
function costTable(page) {
  const costs = currentSplit(page, "agents.cost_estimate", "model");
  const max = maxValue(costs.values());
  return tableFigure(
    {
      id: "costs",
      caption: withPeriod(page, "Estimated cost"),
      note: `Tokens × the prices in ${page.data.prices ?? "a price file"}. GitLab bills in credits, not in this amount.`,
      columns: [textColumn("Model"), numberColumn("Cost")],
      rows: namesByValue(costs).map((model) => [
        identifierCell(model, "model"),
        barCell(
          costs.get(model),
          "dollars",
          max,
          costs.get(model)?.reason === "not_in_source" ? { note: "no price in the file" } : {},
        ),
      ]),
    },
    page,
  );
}

/** @param {Page} page */
function lastMonth(page) {
  const { last } = page.data;
  return page.metrics.periods("month").findLast((period) => last !== null && period.start <= last);
}

/** @param {Page} page */
function creditTable(page) {
  const month = lastMonth(page);
  if (!month) return null;
  const credits = page.metrics.split(page.group, "agents.credits", month, "product");
  const max = maxValue(credits.values());
  return tableFigure(
    {
      id: "credits",
      caption: `GitLab Credits, ${periodName(month)}`,
      note: "As reported by the Customers Portal.",
      columns: [textColumn("Product"), numberColumn("Credits")],
      rows: namesByValue(credits).map((product) => [
        textCell(valueLabel(product, "product")),
        barCell(credits.get(product), "plain", max),
      ]),
    },
    page,
  );
}

/**
 * Credits used against the commitment, and how the month may end.
 * @param {Page} page
 */
function creditBalanceTable(page) {
  const month = lastMonth(page);
  if (!month) return null;
  /** @type {(metric: string, stat?: string) => Line|undefined} */
  const line = (metric, stat) =>
    page.metrics.line(page.group, `credits.${metric}`, month, stat ? { stat } : {});
  /** @type {[string, string, string[]][]} */
  const rows = [
    ["Committed", "commitment", []],
    ["Waiver", "waiver", []],
    ["Used so far", "used", []],
    ["Used on demand", "overage", []],
    ["Expected by the end of the month", "forecast", ["p50", "p10", "p90"]],
    ["Commitment used up on day", "run_out_on", ["p50", "p10", "p90"]],
    ["People blocked by their cap", "people_over_cap", []],
  ];
  return tableFigure(
    {
      id: "credit-balance",
      caption: `Credits against the commitment, ${periodName(month)}`,
      note: "Credits used include some that are not billed. 80% of the simulated months lie between low and high.",
      columns: [textColumn("Measure"), numberColumn("Value"), numberColumn("Low"), numberColumn("High")],
      rows: rows
        .filter(([, metric, [stat]]) => line(metric, stat))
        .map(([label, metric, [middle, low, high]]) => [
          textCell(label),
          valueCell(line(metric, middle), "plain"),
          low ? valueCell(line(metric, low), "plain") : textCell(""),
          high ? valueCell(line(metric, high), "plain") : textCell(""),
        ]),
    },
    page,
  );
}
