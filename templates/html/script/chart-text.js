// What a chart states in words: its tooltip, its legend, and its description for screen readers.

import { hasWeekendBands, selectedRuns } from "./chart-axis.js";
import { element } from "./elements.js";
import {
  capitalize,
  details,
  FORMATTERS,
  longDay,
  periodName,
  pluralize,
  reasonText,
  valueText,
} from "./format.js";
import { isImported, isPart, isSmallSample, MIN_SAMPLE, statusOf } from "./metrics.js";

/**
 * @import {Chart, Earlier, Rows, Statuses} from "./chart.js"
 * @import {Period, Status} from "./metrics.js"
 * @import {Page} from "./sections.js"
 */

/** @param {Rows} rows */
export function missingText(rows) {
  return rows.flat().some((line) => line && line.imported > 0) ? "no imported events" : "not collected";
}

/** @param {Page} page */
export function suppressedText(page) {
  return `suppressed (fewer than ${page.small} people)`;
}

/**
 * @typedef {{title: string, lines: {text: string, note: string, tone: string}[]}} Tooltip
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {?Earlier} earlier
 * @param {number} at
 * @param {Page} page
 * @returns {Tooltip}
 */
export function tooltipLines(chart, rows, earlier, at, page) {
  const slot = chart.slots[at];
  const lines = chart.layers.map((layer, row) => {
    const line = rows[row][at];
    const hasReason = line && line.value === null && !line.hidden;
    const value = !line ? missingText(rows) : hasReason ? reasonText(line) : valueText(line, chart.style);
    return {
      text: `${shortLabel(layer.name)}: ${value}`,
      note: line && !hasReason ? details(line, chart.style).join(", ") : "",
      tone: chart.layers.length > 1 ? layer.tone : "",
    };
  });
  if (earlier)
    lines.push({
      text: `${capitalize(earlier.label)}: ${valueText(earlier.row[at], chart.style)}`,
      note: "",
      tone: "earlier",
    });
  const change = chart.changes.find(({ day }) => day >= slot.start && day <= slot.end);
  if (change) lines.push({ text: `Source from ${longDay(change.day)}: ${change.to}`, note: "", tone: "" });
  return { title: periodName(slot), lines };
}

/** @param {Tooltip} tooltip */
export function tooltipText({ title, lines }) {
  return [title, ...lines.map(({ text, note }) => [text, note].filter(Boolean).join(", "))].join("; ");
}

/**
 * The label without the explanation after its colon, which is in the legend.
 * @param {string} label
 */
export function shortLabel(label) {
  return label.split(": ")[0];
}

/**
 * The chart in a few sentences, for screen readers.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Page} page
 */
export function describeChart(chart, rows, statuses, page) {
  const { grain } = chart.slots[0];
  const [one, many] = grain === "window" ? ["period", "periods"] : [grain, `${grain}s`];
  /** @param {number} slots */
  const count = (slots) => pluralize(slots, one, many);
  const { start } = chart.slots[0];
  const { end } = chart.slots[chart.slots.length - 1];
  const texts = [`${count(chart.slots.length)}, ${longDay(start)} to ${longDay(end)} (UTC).`];
  chart.layers.forEach((layer, row) => {
    const values = rows[row].flatMap((line) =>
      line && line.value !== null && !line.hidden ? [{ value: line.value, period: line.period }] : [],
    );
    if (values.length === 0) return texts.push(`${shortLabel(layer.name)}: no values.`);
    const sorted = [...values].sort((a, b) => a.value - b.value);
    /** @type {(known: {value: number, period: Period}) => string} */
    const describe = ({ value, period }) => `${FORMATTERS[chart.style](value)} (${periodName(period)})`;
    const [lowest, highest, last] = [sorted[0], sorted[sorted.length - 1], values[values.length - 1]];
    texts.push(
      `${shortLabel(layer.name)}: lowest ${describe(lowest)}, highest ${describe(highest)}, last ${describe(last)}.`,
    );
  });
  for (const [status, text] of [
    ["missing", missingText(rows)],
    ["hidden", suppressedText(page)],
  ]) {
    const slots = chart.slots.filter((_, at) => statuses.some((row) => row[at] === status)).length;
    if (slots > 0) texts.push(`${capitalize(text)}: ${count(slots)}.`);
  }
  for (const { day, to } of chart.changes) texts.push(`The source changed to ${to} on ${longDay(day)}.`);
  return texts.join(" ");
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {?Earlier} earlier
 * @param {Page} page
 */
export function renderLegend(chart, rows, statuses, earlier, page) {
  const layers = chart.layers.length > 1 ? chart.layers : [];
  const items = layers.map((layer) => [
    `key-${layer.tone}`,
    layer.name,
    hasDirectLabels(chart) ? "narrow" : "",
  ]);
  if (earlier) items.push(["key-earlier", earlier.label]);
  /** @param {Status} status */
  const has = (status) => statuses.flat().includes(status);
  const lines = rows.flat().filter((line) => line !== undefined);
  const known = lines.filter((line) => statusOf(line) === "value");
  if (known.some((line) => !line.final && !isImported(line)))
    items.push([chart.form === "line" ? "key-dashed" : "key-open", "may still change"]);
  if (known.some(isPart)) items.push([chart.form === "line" ? "key-dashed" : "key-part", "partly collected"]);
  if (chart.form === "line" && known.some(isSmallSample))
    items.push(["key-small", `fewer than ${MIN_SAMPLE} cases`]);
  if (known.some(isImported)) items.push(["", "from imported events, completeness unknown"]);
  if (has("missing")) items.push(["key-missing", missingText(rows)]);
  if (has("hidden"))
    items.push(["key-hidden", `${suppressedText(page)}${chart.form === "stacked" ? ", not to scale" : ""}`]);
  const unknown = lines.find((line) => statusOf(line) === "unknown");
  if (unknown) items.push(["key-unknown", reasonText(unknown)]);
  if (chart.changes.length > 0) items.push(["key-change", "source changed"]);
  if (hasWeekendBands(chart)) items.push(["key-weekend", "weekend"]);
  if (selectedRuns(chart).length > 0) items.push(["key-chosen", "selected period"]);
  return element(
    "ul",
    { class: "legend" },
    items.map(([key, text, className]) =>
      element("li", { class: className || null }, key && element("i", { class: key }), text),
    ),
  );
}

/**
 * Whether the layers have labels at their last values rather than in the legend.
 * @param {Chart} chart
 */
export function hasDirectLabels(chart) {
  return chart.form !== "columns" && chart.layers.length > 1;
}
