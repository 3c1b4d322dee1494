// What agents cost: credits against the commitment, cost of a successful session, tokens and models.

import { noAgents, noFlowData } from "./agents.js";
import { perSession } from "./agent-outcomes.js";
import { compositionFigure, figureHeading, wideBar } from "./composition.js";
import { element, svgElement } from "./elements.js";
import { exportActions } from "./export.js";
import { trackShown } from "./filter-notes.js";
import { FORMATTERS, longDay, monthName, periodName, shortDay, valueLabel } from "./format.js";
import { addDays, statusOf } from "./metrics.js";
import { currentLine, currentSplit, emptyNote, sideBySide, withPeriod } from "./sections.js";
import {
  barCell,
  identifierCell,
  maxValue,
  namesByValue,
  numberColumn,
  percentOf,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
  whyEmpty,
} from "./table.js";

/**
 * @import {Dimensions, Line, Period} from "./metrics.js"
 * @import {Page} from "./sections.js"
 */

/**
 * The newest month with lines of a metric, up to the end of the selected period.
 * @param {Page} page
 * @param {string} metric
 * @param {string[]} [keys]
 * @returns {Period|undefined}
 */
function newestMonth(page, metric, keys = []) {
  const names = [...keys].sort().join();
  const series = page.metrics
    .seriesOf(page.group, metric, "month")
    .filter(({ by }) => Object.keys(by).sort().join() === names);
  return page.metrics
    .periods("month")
    .filter(({ start }) => start <= page.period.end)
    .findLast((month) => series.some((one) => page.metrics.lineAt(one, month)));
}

/** @param {Page} page */
export function* creditFigures(page) {
  const balance = creditBalance(page);
  yield balance;
  const tables = [creditTable(page, "product", "Product"), costPerSession(page), costTable(page)];
  yield sideBySide(...tables);
  if (!balance && !tables.some(Boolean))
    yield emptyNote(
      element("strong", {}, "No credits. "),
      "The Customers Portal reports them to owners of the top-level group, and only where credits are billed. ",
      element("code", {}, "duo-metrics doctor"),
      " checks the permission.",
    );
}

/**
 * Credits used against the commitment, and where the month may end, as one bar.
 * @param {Page} page
 */
function creditBalance(page) {
  const month = newestMonth(page, "credits.used");
  if (!month) return null;
  /** @type {(metric: string, stat?: string) => Line|undefined} */
  const line = (metric, stat) =>
    page.metrics.line(page.group, `credits.${metric}`, month, stat ? { stat } : {});
  const [used, commitment, waiver, overage] = ["used", "commitment", "waiver", "overage"].map((name) =>
    line(name),
  );
  const [low, middle, high] = ["p10", "p50", "p90"].map((stat) => line("forecast", stat));
  const runOut = line("run_out_on", "p50");
  const lines = [
    used,
    commitment,
    waiver,
    overage,
    low,
    middle,
    high,
    runOut,
    line("people_over_cap"),
  ].filter((line) => line !== undefined);
  const title = `Credits against the commitment, ${periodName(month)}`;
  const heading = figureHeading(
    "credit-balance",
    title,
    "Credits used include some that are not billed. The range holds 80% of the simulated months.",
  );
  trackShown(page, heading, lines, ["period"]);
  if (lines.every((line) => statusOf(line) !== "value"))
    return element(
      "figure",
      { id: "credit-balance" },
      heading,
      element("p", { class: "nothing" }, whyEmpty(lines, page)),
    );
  const available = (commitment?.value ?? 0) + (waiver?.value ?? 0);
  const whole = Math.max(available, used?.value ?? 0, high?.value ?? 0, middle?.value ?? 0) * 1.05 || 1;
  /** @type {(value: ?number|undefined) => number} */
  const at = (value) => percentOf((value ?? 0) / whole);
  const bar = wideBar([
    svgElement("rect", { class: "track", width: 100, height: 10 }),
    svgElement("rect", { class: "fill main", width: at(used?.value), height: 10 }),
    typeof low?.value === "number" &&
      typeof high?.value === "number" &&
      svgElement("rect", {
        class: "expected",
        x: at(low.value),
        y: 2.5,
        width: Math.max(0.4, at(high.value) - at(low.value)),
        height: 5,
      }),
    typeof middle?.value === "number" &&
      svgElement("rect", { class: "expected-middle", x: at(middle.value) - 0.15, width: 0.3, height: 10 }),
    available > 0 && svgElement("rect", { class: "limit", x: at(available) - 0.15, width: 0.3, height: 10 }),
  ]);
  return element(
    "figure",
    { id: "credit-balance", class: "composed" },
    heading,
    element("p", { class: "finding" }, creditSentence({ used, available, low, middle, high, runOut, month })),
    bar,
    element(
      "ul",
      { class: "parts-of" },
      [
        ["main", "used so far", used],
        ["expected", "expected by the end of the month", middle],
        ["limit", "committed", commitment],
        ["limit", "waiver", waiver],
        ["mark", "on demand", overage],
        ["", "people blocked by their cap", line("people_over_cap")],
      ].map(([tone, name, line]) =>
        partOf(String(tone), String(name), /** @type {Line|undefined} */ (line), page),
      ),
    ),
    exportActions("credit-balance", title, null, () => lines, page),
  );
}

/**
 * @param {string} tone
 * @param {string} name
 * @param {Line|undefined} line
 * @param {Page} page
 */
function partOf(tone, name, line, page) {
  if (!line || statusOf(line) !== "value") return null;
  return element(
    "li",
    {},
    tone && element("i", { class: `key-${tone}` }),
    element("span", {}, name),
    element("strong", {}, FORMATTERS.plain(line.value ?? 0)),
    line.period.end > (page.data.last ?? "") &&
      element("small", {}, `through ${shortDay(page.data.last ?? "")}`),
  );
}

/**
 * How much is used, and where the month may end.
 * @param {{used?: Line, available: number, low?: Line, middle?: Line, high?: Line, runOut?: Line, month: Period}} balance
 */
export function creditSentence({ used, available, low, middle, high, runOut, month }) {
  /** @param {number} value */
  const count = (value) => FORMATTERS.plain(Math.round(value));
  const texts = [];
  const isOver = typeof used?.value === "number" && low?.value === used.value && high?.value === used.value;
  if (typeof used?.value === "number" && isOver)
    return available > 0
      ? `${count(used.value)} of ${count(available)} credits were used in ${monthName(month)}.`
      : `${count(used.value)} credits were used in ${monthName(month)}.`;
  if (typeof used?.value === "number")
    texts.push(
      available > 0
        ? `${count(used.value)} of ${count(available)} credits are used.`
        : `${count(used.value)} credits are used; there is no commitment to compare with.`,
    );
  if (
    typeof middle?.value === "number" &&
    typeof low?.value === "number" &&
    typeof high?.value === "number"
  ) {
    texts.push(
      `The month is expected to end at ${count(middle.value)} (${count(low.value)} to ${count(high.value)}).`,
    );
    if (available > 0 && typeof runOut?.value === "number")
      texts.push(`Credits run out around ${longDay(addDays(month.start, runOut.value - 1))}.`);
    else if (available > 0) texts.push(`They last through ${monthName(month)}.`);
  }
  return texts.join(" ");
}

/**
 * @param {Page} page
 * @param {string} key
 * @param {string} heading
 */
function creditTable(page, key, heading) {
  const month = newestMonth(page, "agents.credits", [key]);
  if (!month) return null;
  const credits = page.metrics.split(page.group, "agents.credits", month, key);
  const total = page.metrics.line(page.group, "agents.credits", month);
  const max = maxValue(credits.values());
  return tableFigure(
    {
      id: "credits",
      caption: `Credits by ${key}, ${periodName(month)}`,
      follows: ["period"],
      columns: [textColumn(heading), numberColumn("Credits")],
      rows: namesByValue(credits).map((name) => [
        textCell(valueLabel(name, key)),
        barCell(credits.get(name), "plain", max),
      ]),
      total: total && credits.size > 1 ? [textCell("All"), valueCell(total, "plain")] : null,
    },
    page,
  );
}

/**
 * Credits, or without them the estimated cost, for each finished session by flow.
 * @param {Page} page
 */
function costPerSession(page) {
  const month = newestMonth(page, "agents.credits", ["flow"]);
  const style = month ? "plain" : "dollars";
  const costs = month
    ? page.metrics.split(page.group, "agents.credits", month, "flow")
    : currentSplit(page, "agents.cost_estimate", "flow");
  const period = month ?? [...costs.values()][0]?.period;
  if (!period) return null;
  const finished = page.metrics.split(page.group, "agents.sessions", period, "flow", { status: "finished" });
  const max = maxValue(costs.values());
  return tableFigure(
    {
      id: "cost-per-session",
      caption: `Cost of a successful session, ${periodName(period)}`,
      note: "All that a flow used, also in sessions that failed, divided by its finished sessions.",
      follows: ["period"],
      columns: [
        textColumn("Flow"),
        numberColumn(month ? "Credits" : "Estimated cost"),
        numberColumn("Finished sessions"),
        numberColumn(month ? "Credits per finished session" : "Cost per finished session"),
      ],
      rows: namesByValue(costs).map((flow) => [
        textCell(valueLabel(flow, "flow")),
        barCell(costs.get(flow), style, max),
        valueCell(finished.get(flow), "plain"),
        perSession(costs.get(flow), finished.get(flow), style),
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
      caption: withPeriod(page, "Estimated cost by model", costs.values()),
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
export function* tokenFigures(page) {
  const none = noAgents(page);
  if (none) {
    yield none;
    return;
  }
  const { flow } = page.selected;
  const figures = [
    tokenComposition(page, flow ? { flow } : {}) ?? noFlowData(flow, "tokens", "Tokens by kind"),
    modelTable(page),
  ];
  yield sideBySide(...figures);
  if (!figures.some(Boolean))
    yield emptyNote(
      "No tokens: GitLab's group API does not expose them. Import Duo Agent Platform events to see them.",
    );
}

/**
 * Input, cached input and output as one bar. Cached tokens are part of the input, so they are taken out of it, as far as
 * the models report them so.
 * @param {Page} page
 * @param {Dimensions} by
 */
function tokenComposition(page, by) {
  const kinds = currentSplit(page, "agents.tokens", "kind", by);
  const [input, output] = ["input", "output"].map((kind) => kinds.get(kind)?.value ?? 0);
  const isPart = ["input", "output"].some((kind) => kinds.get(kind)?.hidden);
  const cache = by.flow ? undefined : currentLine(page, "agents.cache_hit_rate");
  const cached = Math.min(cache?.n ?? 0, input);
  const lines = [...kinds.values(), ...(cache ? [cache] : [])];
  return compositionFigure(
    {
      id: "tokens",
      title: withPeriod(page, "Tokens", lines),
      note: "What models read and wrote. Cached input costs less.",
      parts: [
        { name: cached > 0 ? "input, not cached" : "input", value: input - cached, tone: "main" },
        { name: "input from the cache", value: cached, tone: "s3" },
        { name: "output", value: output, tone: "s1" },
      ].filter(({ value }) => value > 0),
      lines,
      whole: isPart ? null : undefined,
      foot: isPart
        ? "Suppressed kinds are not part of the bar."
        : cached === 0 && kinds.get("cache_read")?.value
          ? `${FORMATTERS.plain(kinds.get("cache_read")?.value ?? 0)} tokens were read from the cache; for some models they are part of the input.`
          : null,
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
      caption: withPeriod(page, "Models", input.values()),
      columns: [
        textColumn("Model"),
        numberColumn("Input tokens"),
        numberColumn("Output tokens"),
        numberColumn("Input from the cache"),
      ],
      rows: namesByValue(input, output).map((model) => [
        identifierCell(model, "model"),
        barCell(input.get(model), "plain", max),
        valueCell(output.get(model), "plain"),
        valueCell(cacheHits.get(model), "percent", { brief: true }),
      ]),
      total: [
        textCell("All models"),
        valueCell(currentLine(page, "agents.tokens", { kind: "input" }), "plain"),
        valueCell(currentLine(page, "agents.tokens", { kind: "output" }), "plain"),
        valueCell(currentLine(page, "agents.cache_hit_rate"), "percent", { brief: true }),
      ],
    },
    page,
  );
}
