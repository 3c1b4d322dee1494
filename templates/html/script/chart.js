// Charts over time as SVG: a true time axis, gaps where there is no data, and one axis of values.
//
// A chart is as wide as its container. Positions along the time axis are percentages, and paths are in an inner SVG that
// is stretched: text is never scaled, and a resize needs no new rendering. Colors and print come from the style sheet.

import {
  gapStrip,
  gridLines,
  selectedPeriodBand,
  sourceChangeMarkers,
  timeLabels,
  weekendBands,
} from "./chart-axis.js";
import { attachCursor } from "./chart-cursor.js";
import { directLabels, drawColumns, drawEarlier, drawLines } from "./chart-marks.js";
import { AXIS_HEIGHT, HEIGHT, MARGIN_TOP, valueScale } from "./chart-scale.js";
import {
  describeChart,
  hasDirectLabels,
  renderLegend,
  shortLabel,
  suppressedText,
  tooltipLines,
  tooltipText,
} from "./chart-text.js";
import { element, svgElement } from "./elements.js";
import { trackShown } from "./filter-notes.js";
import { longDay, periodName, pluralize, reasonText } from "./format.js";
import { daysBetween, statusOf } from "./metrics.js";
import { exportActions } from "./export.js";
import { dateCell, numberColumn, tableRegion, textColumn, valueCell } from "./table.js";

/**
 * @import {Scale} from "./chart-scale.js"
 * @import {Style} from "./format.js"
 * @import {Line, Period, Status} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @typedef {{name: string, tone: string, line: (slot: Period) => Line|undefined}} Layer `tone` is its color in the style sheet
 * @typedef {{
 *   id: string, title: string, note: string, style: Style, form: "columns"|"stacked"|"line", slots: Period[],
 *   layers: Layer[], selected: ?Period, changes: {day: string, to: string}[]
 * }} Chart `slots` are the periods on the time axis, `changes` the days on which the source changed
 * @typedef {{row: (Line|undefined)[], label: string}} Earlier the main layer in the period before
 * @typedef {(Line|undefined)[][]} Rows a line or nothing for each layer and slot
 * @typedef {Status[][]} Statuses
 */

/**
 * The statuses of a layer. A day without a line between days with imported events may have had no events: it is `silent`
 * rather than `missing`.
 * @param {(Line|undefined)[]} row
 * @returns {Status[]}
 */
function slotStatuses(row) {
  /** @param {Line|undefined} line */
  const hasImported = (line) => line !== undefined && line.imported > 0;
  const [first, last] = [row.findIndex(hasImported), row.findLastIndex(hasImported)];
  return row.map((line, at) => {
    const status = statusOf(line);
    return status === "missing" && first < at && at < last && first >= 0 ? "silent" : status;
  });
}

/**
 * A chart with its title, its legend and its values as a table and as CSV.
 * @param {Chart} chart
 * @param {Page} page
 */
export function chartFigure(chart, page) {
  chart = publishedPart(chart, page.data.last);
  const rows = chart.layers.map((layer) => chart.slots.map((slot) => layer.line(slot)));
  const earlier = earlierRow(chart, page);
  const statuses = rows.map(slotStatuses);
  const heading = element(
    "figcaption",
    {},
    element("h4", { id: `${chart.id}-title` }, chart.title),
    element("p", { class: "note" }, chart.note),
  );
  const known = statuses.flat();
  const [hasValues, hasHidden] = [known.includes("value"), known.includes("hidden")];
  const isFlat = rows.flat().every((line) => !line?.value);
  if (!hasValues || (hasHidden && isFlat)) {
    const unknown = rows.flat().find((line) => line?.reason && statusOf(line) === "unknown");
    const text = hasHidden
      ? `All values are ${hasValues ? "zero or " : ""}${suppressedText(page)}.`
      : unknown
        ? `No values: ${reasonText(unknown)}.`
        : "No values for these days.";
    return element("figure", { id: chart.id }, heading, element("p", { class: "nothing" }, text));
  }
  const description = element(
    "p",
    { class: "for", id: `${chart.id}-text` },
    describeChart(chart, rows, statuses, page),
  );
  trackShown(page, heading, rows.flat(), ["period"]);
  const few = chart.slots.length < 12 ? ` few few-${chart.slots.length}` : "";
  return element(
    "figure",
    { id: chart.id, class: `timed ${chart.style}${few}${hasDirectLabels(chart) ? " labeled" : ""}` },
    heading,
    renderLegend(chart, rows, statuses, earlier, page),
    renderPlot(chart, rows, statuses, earlier, page),
    description,
    exportActions(
      chart.id,
      chart.title,
      () => chartTable(chart, rows, page),
      () => rows.flat().filter((line) => line !== undefined),
      page,
    ),
  );
}

/**
 * The chart without the last periods that are not published yet: some metrics have lines for a month that has not ended,
 * the others must not look as if they were not collected.
 * @param {Chart} chart
 * @param {?string} last the last published day
 * @returns {Chart}
 */
function publishedPart(chart, last) {
  const isPublished = chart.slots.map(
    (slot) => last === null || slot.end <= last || chart.layers.some((layer) => layer.line(slot)),
  );
  return { ...chart, slots: chart.slots.slice(0, isPublished.lastIndexOf(true) + 1) };
}

/**
 * The main layer in the period before, slot by slot; null where nothing of it is known, and for stacks.
 * @param {Chart} chart
 * @param {Page} page
 * @returns {?Earlier}
 */
function earlierRow(chart, page) {
  const main = chart.layers.find(({ tone }) => tone === "main") ?? chart.layers[0];
  if (chart.form === "stacked") return null;
  const slots = chart.slots.map((slot) => page.earlier(slot));
  const row = slots.map((slot) => (slot ? main.line(slot) : undefined));
  if (row.filter((line) => statusOf(line) === "value").length < 2 || !slots[0]) return null;
  const days = daysBetween(slots[0].start, chart.slots[0].start);
  const label = days >= 364 ? "a year earlier" : `${pluralize(days, "day", "days")} earlier`;
  return { row, label: chart.layers.length > 1 ? `${shortLabel(main.name)}, ${label}` : label };
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {?Earlier} earlier
 * @param {Page} page
 */
function renderPlot(chart, rows, statuses, earlier, page) {
  const svg = svgElement("svg", {
    class: "chart",
    height: MARGIN_TOP + HEIGHT + AXIS_HEIGHT,
    "aria-hidden": "true",
    focusable: "false",
  });
  const scale = valueScale(chart, earlier ? [...rows, earlier.row] : rows);
  svg.append(...weekendBands(chart), ...gridLines(chart, scale));
  const stretched = svgElement("svg", {
    y: MARGIN_TOP,
    width: "100%",
    height: HEIGHT,
    viewBox: `0 0 ${chart.slots.length} ${HEIGHT}`,
    preserveAspectRatio: "none",
  });
  svg.append(stretched);
  if (earlier) drawEarlier(chart, earlier.row, scale, stretched);
  if (chart.form === "line") drawLines(chart, rows, statuses, scale, stretched);
  else drawColumns(chart, rows, statuses, scale, stretched, svg);
  svg.append(
    ...gapStrip(chart, statuses),
    ...timeLabels(chart),
    ...selectedPeriodBand(chart),
    ...sourceChangeMarkers(chart),
    ...directLabels(chart, rows, scale),
  );
  const area = element("div", { class: "area" }, svg);
  const plot = element(
    "div",
    {
      class: "plot",
      role: "slider",
      tabindex: "0",
      "aria-label": chart.title,
      "aria-describedby": `${chart.id}-text`,
      "aria-valuemin": "1",
      "aria-valuemax": String(chart.slots.length),
      "aria-valuenow": String(chart.slots.length),
      "aria-valuetext": tooltipText(tooltipLines(chart, rows, earlier, chart.slots.length - 1, page)),
    },
    area,
  );
  attachCursor({ plot, area, svg, chart, page, lines: (at) => tooltipLines(chart, rows, earlier, at, page) });
  return plot;
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Page} page
 */
function chartTable(chart, rows, page) {
  const { grain } = chart.slots[0];
  const heading = { day: "Day (UTC)", week: "Week of", month: "Month", window: "Period" }[grain];
  return tableRegion(
    {
      id: `${chart.id}-table`,
      caption: chart.title,
      columns: [textColumn(heading), ...chart.layers.map((layer) => numberColumn(shortLabel(layer.name)))],
      rows: chart.slots
        .map((slot, at) => [
          dateCell(slot.grain === "week" ? longDay(slot.start) : periodName(slot)),
          ...chart.layers.map((_, row) => valueCell(rows[row][at], chart.style)),
        ])
        .reverse(),
    },
    page,
  );
}
