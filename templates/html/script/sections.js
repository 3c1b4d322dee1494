// What the sections of both dashboards are made of.

import { changeText, incomparableReason, NO_CLEAR_CHANGE } from "./change.js";
import { chartFigure } from "./chart.js";
import { element } from "./elements.js";
import { trackShown } from "./filter-notes.js";
import {
  capitalize,
  coverageText,
  dateRange,
  details,
  monthName,
  periodName,
  ratioText,
  shortDay,
  UNKNOWN,
  valueLabel,
  valueText,
  wholePercentFormat,
} from "./format.js";
import { addDays, isImported, periodsBetween } from "./metrics.js";
import { comparisonPeriod, hasData } from "./state.js";
import {
  barCell,
  dateCell,
  exactValue,
  maxValue,
  numberCell,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/**
 * @import {Chart} from "./chart.js"
 * @import {Style} from "./format.js"
 * @import {Data, Dimensions, Grain, Headline, Line, Metrics, Period} from "./metrics.js"
 * @import {FilterKey, Selected} from "./state.js"
 * @typedef {{key: FilterKey, label: string}} ActiveFilter a filter that differs from its initial value
 * @typedef {{host: Element, lines: Line[], follows: FilterKey[]}} ShownFigure see `trackShown`
 * @typedef {Node|null|undefined|false|""} Figure
 * @typedef {{id: string, filters?: FilterKey[], build: (page: Page) => Iterable<Figure|Figure[]>}} Section `filters` apply to this
 *   section only
 * @typedef {{label: string, metric: string, by?: Dimensions, style: Style}} MetricColumn
 */

/**
 * What a section is rendered from: the data, the selection and what follows from it. `before` is the period to compare
 * with, `small` the number of people below which values are suppressed, `earlier` the slot of a chart to compare another
 * one with, `change` selects a value of a filter, and `shown` holds the figures of the section so far.
 * @typedef {{
 *   data: Data, metrics: Metrics, small: number, selected: Selected, group: number, period: Period, before: ?Period,
 *   slots: (grain: Grain) => Period[], earlier: (slot: Period) => ?Period, activeFilters: ActiveFilter[],
 *   change: (key: FilterKey, value: string) => void, shown: ShownFigure[]
 * }} Page
 */

/**
 * A chart whose layers are metrics: name, tone, metric and further dimensions of each.
 * @param {Page} page
 * @param {{grain?: Grain, by?: Dimensions, id: string, title: string, note: string} & Partial<Chart>} chart
 * @param {[string, string, string, Dimensions?][]} layers
 */
export function timeSeriesFigure(page, chart, layers) {
  const { grain = "day", by = {} } = chart;
  return chartFigure(
    {
      form: "columns",
      style: "plain",
      changes: [],
      selected: page.period,
      ...chart,
      slots: page.slots(grain),
      layers: layers.map(([name, tone, metric, more = {}]) => ({
        name,
        tone,
        line: (slot) => page.metrics.line(page.group, metric, slot, { ...by, ...more }),
      })),
    },
    page,
  );
}

/**
 * The line of a metric in the selected period or, if it has none with these dimensions, in the newest one before.
 * @param {Page} page
 * @param {string} metric
 * @param {Dimensions} [by]
 */
export function currentLine(page, metric, by = {}) {
  const { metrics, group } = page;
  const period = metrics.newestPeriod(group, metric, page.period, Object.keys(by));
  return metrics.line(group, metric, period, by);
}

/**
 * The lines of a metric by one dimension in the selected period or, if it is not split by it, in the newest one before.
 * @param {Page} page
 * @param {string} metric
 * @param {string} key
 * @param {Dimensions} [fixed]
 */
export function currentSplit(page, metric, key, fixed = {}) {
  const { metrics, group } = page;
  const period = metrics.newestPeriod(group, metric, page.period, [key, ...Object.keys(fixed)]);
  return metrics.split(group, metric, period, key, fixed);
}

/**
 * The lines of a metric by one dimension in two complete periods of equal length: those of the selection or, where the one
 * before is not split, the two newest months. Null without two such periods, or without a comparison.
 * @typedef {{before: Period, after: Period, from: Map<string, Line>, to: Map<string, Line>}} Comparison
 * @param {Page} page
 * @param {string} metric
 * @param {string} key
 * @returns {?Comparison}
 */
export function comparedSplit(page, metric, key) {
  const { metrics, group, selected } = page;
  /** @type {(after: Period|undefined) => ?Comparison} */
  const compare = (after) => {
    const before = after && comparisonPeriod(after, selected.compare);
    if (!before) return null;
    const [from, to] = [before, after].map((period) => metrics.split(group, metric, period, key));
    const isComplete = [...from.values(), ...to.values()].every((line) => !incomparableReason(line, line));
    if (from.size === 0 || to.size === 0 || !isComplete) return null;
    // The total has an empty name.
    for (const [lines, period] of /** @type {[Map<string, Line>, Period][]} */ ([
      [from, before],
      [to, after],
    ])) {
      const total = metrics.line(group, metric, period);
      if (total) lines.set("", total);
    }
    return { before, after, from, to };
  };
  const current = compare([...currentSplit(page, metric, key).values()][0]?.period);
  if (current || page.period.grain !== "window") return current;
  for (const month of metrics.periods("month").reverse()) {
    const found = month.end <= page.period.end ? compare(month) : null;
    if (found) return found;
  }
  return null;
}

/**
 * The columns of a comparison: the earlier value and the change.
 * @param {?Comparison} comparison
 */
export function comparisonColumns(comparison) {
  if (!comparison) return [];
  const { before, after } = comparison;
  return [
    numberColumn(capitalize(periodName(before))),
    numberColumn(after.grain === "month" ? `Change to ${monthName(after)}` : "Change"),
  ];
}

/**
 * The cells of {@link comparisonColumns}.
 * @param {?Comparison} comparison
 * @param {string} name
 * @param {Style} style
 */
export function comparisonCells(comparison, name, style) {
  if (!comparison) return [];
  const [from, to] = [comparison.from.get(name), comparison.to.get(name)];
  const change = from?.value != null && to?.value != null ? to.value - from.value : undefined;
  const text = changeText(from, to, style) || UNKNOWN;
  return [
    valueCell(from, style, { brief: true }),
    { ...numberCell(text, change), pale: text === NO_CLEAR_CHANGE || text === UNKNOWN },
  ];
}

/** @param {...(Node|string)} content */
export function emptyNote(...content) {
  return element("p", { class: "nothing" }, content);
}

/**
 * A figure without data.
 * @param {string} id
 * @param {string} title
 * @param {string} text
 */
export function emptyFigure(id, title, text) {
  return element("figure", { id }, element("figcaption", {}, element("h4", {}, title)), emptyNote(text));
}

/**
 * @param {...Figure} items
 * @returns {Figure|Figure[]}
 */
export function sideBySide(...items) {
  const shown = items.filter(Boolean);
  return shown.length > 1 ? element("div", { class: shown.length > 2 ? "pair trio" : "pair" }, shown) : shown;
}

/**
 * A caption with the days of the lines, which differ from the selected period where that is not split.
 * @param {Page} page
 * @param {string} caption
 * @param {Iterable<Line|undefined>} [lines]
 */
export function withPeriod(page, caption, lines = []) {
  const line = [...lines].find(Boolean);
  return `${caption}, ${periodName(line?.period ?? page.period)}`;
}

/**
 * A row for each group; null for a single one.
 * @param {Page} page
 * @param {string} caption
 * @param {MetricColumn[]} columns
 */
export function groupTable(page, caption, columns) {
  const groups = page.data.groups.map((group, at) => ({ ...group, at })).filter((group) => !group.union);
  if (groups.length < 2) return null;
  /** @type {(group: {at: number}, column: MetricColumn) => Line|undefined} */
  const line = (group, { metric, by }) => page.metrics.line(group.at, metric, page.period, by);
  const max = maxValue(groups.map((group) => line(group, columns[0])));
  return tableFigure(
    {
      id: "groups",
      caption: withPeriod(page, caption),
      columns: [textColumn("Group"), ...columns.map(({ label }) => numberColumn(label))],
      rows: groups.map((group) => [
        textCell(group.name),
        ...columns.map((column, at) =>
          at === 0
            ? barCell(line(group, column), column.style, max)
            : valueCell(line(group, column), column.style),
        ),
      ]),
    },
    page,
  );
}

const MAX_MONTHS = 37;

/**
 * A row for each month of the overview, newest first; null for a single one.
 * @param {Page} page
 * @param {MetricColumn[]} columns
 */
export function monthTable(page, columns) {
  const months = page.metrics
    .periods("month")
    .filter((month) => hasData(page.metrics, month))
    .reverse();
  const rows = months.flatMap((month) => {
    const lines = columns.map(({ metric, by }) => page.metrics.line(page.group, metric, month, by));
    const known = lines.filter((line) => line !== undefined);
    // The month is not over: only what it costs so far is known.
    if (known.length === 0) return [];
    const coverage = Math.min(...known.filter((line) => !isImported(line)).map((line) => line.coverage));
    const unknown = known.some(isImported) ? "completeness unknown" : "";
    return [
      [
        dateCell(
          periodName(month),
          coverage < 1 ? `${wholePercentFormat.format(coverage)} of days` : unknown,
        ),
        ...lines.map((line, at) => valueCell(line, columns[at].style)),
      ],
    ];
  });
  if (rows.length < 2) return null;
  return tableFigure(
    {
      id: "months",
      caption: "By month, newest first",
      columns: [textColumn("Month"), ...columns.map(({ label }) => numberColumn(label))],
      rows: rows.slice(0, MAX_MONTHS),
      limit: 6,
    },
    page,
  );
}

/**
 * Metrics of a section by month, newest first; null where none of them has lines.
 * @param {Page} page
 * @param {string} id
 * @param {string} caption
 * @param {[string, string, Style][]} columns label, metric and style
 */
export function monthlyMetrics(page, id, caption, columns) {
  const months = page.metrics.periods("month").reverse();
  const rows = months
    .map((month) => [
      dateCell(periodName(month)),
      ...columns.map(([, metric, style]) => valueCell(page.metrics.line(page.group, metric, month), style)),
    ])
    .filter((row) => row.some((cell) => cell.line));
  return tableFigure(
    {
      id,
      caption,
      columns: [textColumn("Month"), ...columns.map(([label]) => numberColumn(label))],
      rows: rows.slice(0, 13),
      limit: 6,
    },
    page,
  );
}

/** Weeks of a heat map. */
const MAX_WEEKS = 8;

/**
 * A heat map of a metric by one dimension over the newest weeks.
 * @param {Page} page
 * @param {{id: string, caption: string, metric: string, key: string, style: Style, names: string[], heading: string}} map
 */
export function heatMap(page, { id, caption, metric, key, style, names, heading }) {
  // More would not fit beside another figure.
  const weeks = page.slots("week").slice(-MAX_WEEKS);
  const rows = names
    .map((name) => ({
      name,
      lines: weeks.map((week) => page.metrics.line(page.group, metric, week, { [key]: name })),
    }))
    .filter(({ lines }) => lines.some((line) => line?.value));
  if (weeks.length < 2 || rows.length === 0) return null;
  const max = maxValue(rows.flatMap(({ lines }) => lines));
  return tableFigure(
    {
      id,
      heat: true,
      follows: ["period"],
      caption,
      note: "Darker cells have larger values.",
      columns: [textColumn(heading), ...weeks.map((week) => numberColumn(shortDay(week.start)))],
      rows: rows.map(({ name, lines }) => [
        textCell(valueLabel(name, key)),
        ...lines.map((line) =>
          valueCell(line, style, {
            brief: true,
            heat: line?.value && max > 0 ? line.value / max : undefined,
          }),
        ),
      ]),
    },
    page,
  );
}
