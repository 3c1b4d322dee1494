// The selected filter values. They are in the fragment of the URL, so that a link shows the same view:
// `#chat&period=month:2026-10-01&group=acme`. A filter that is absent has its initial value.

import { capitalize, periodName, valueLabel } from "./format.js";
import { addDays, addMonths, daysBetween, periodStarting } from "./metrics.js";

/**
 * @import {Grain, Metrics, Period} from "./metrics.js"
 * @typedef {"period"|"compare"|"group"|"language"|"feature"|"flow"|"span"} FilterKey
 * @typedef {Record<FilterKey, string>} Selected the value of each filter
 * @typedef {{value: string, label: string, in?: string}} Option `in` is its group in the list
 * @typedef {{label: string, options: Option[], initial: string}} Filter
 * @typedef {Record<FilterKey, Filter>} Filters
 */

/** @type {FilterKey[]} */
export const FILTER_KEYS = ["period", "compare", "group", "language", "feature", "flow", "span"];

/** @type {FilterKey[]} The filters that select lines. */
export const LINE_FILTERS = ["period", "group", "language", "feature", "flow"];

/**
 * The section and the selected values in a fragment. Unknown filters and values are ignored.
 * @param {string} hash
 * @param {Filters} filters
 * @returns {{section: string, selected: Selected}}
 */
export function parseHash(hash, filters) {
  const parts = hash.replace(/^#/, "").split("&").filter(Boolean);
  const section = parts[0] && !parts[0].includes("=") ? decode(parts[0]) : "";
  const selected = /** @type {Selected} */ (
    Object.fromEntries(FILTER_KEYS.map((key) => [key, filters[key].initial]))
  );
  for (const part of parts.filter((part) => part.includes("="))) {
    const [name, value] = part.split("=").map(decode);
    const key = FILTER_KEYS.find((key) => key === name);
    if (key && filters[key].options.some((option) => option.value === value)) selected[key] = value;
  }
  return { section, selected };
}

/**
 * The fragment of a section and the values that differ from the initial ones.
 * @param {string} section
 * @param {Selected} selected
 * @param {Filters} filters
 */
export function formatHash(section, selected, filters) {
  const parts = FILTER_KEYS.filter((key) => selected[key] !== filters[key].initial).map(
    (key) => `${key}=${encodeURIComponent(selected[key])}`,
  );
  return [section && encodeURIComponent(section), ...parts].filter(Boolean).join("&");
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The filters of a page with their options, of which the first is the initial one.
 * @param {Metrics} metrics
 * @returns {Filters}
 */
export function filtersFor(metrics) {
  const { data } = metrics;
  /** @type {Record<string, string>} */
  const headings = { window: "28 days", month: "Months", week: "Weeks" };
  const periods = /** @type {Grain[]} */ (["window", "month", "week"]).map((grain) =>
    metrics
      .periods(grain)
      .filter((period) => hasData(metrics, period))
      .reverse(),
  );
  /** @type {(period: Period) => Option} */
  const periodOption = (period) => ({
    value: `${period.grain}:${period.start}`,
    label: capitalize(periodName(period)),
    in: headings[period.grain],
  });
  /** @type {(value: string, label?: string) => Option} */
  const option = (value, label = value) => ({ value, label });
  /** @type {(label: string, options: Option[]) => Filter} */
  const filter = (label, options) => ({ label, options, initial: options[0]?.value ?? "" });
  /** @type {(key: string, all: string) => Option[]} */
  const valueOptions = (key, all) => [
    option("", all),
    ...metrics.dimensionValues(key).map((value) => option(value, valueLabel(value, key))),
  ];
  const days = data.first && data.last ? daysBetween(data.first, data.last) + 1 : 0;
  const spans = [option("all", "all days")];
  if (days > 371) spans.unshift(option("53", "53 weeks"));
  if (days > 91) spans.unshift(option("13", "13 weeks"));
  const filters = {
    period: filter("Period", periods.flat().map(periodOption)),
    compare: filter("Compare with", [
      option("before", "previous period"),
      option("year", "a year earlier"),
      option("none", "nothing"),
    ]),
    group: filter(
      "Group",
      data.groups.map((group) => option(group.name)),
    ),
    language: filter("Language", valueOptions("language", "all languages")),
    feature: filter("Feature", valueOptions("feature", "all features")),
    flow: filter("Flow", valueOptions("flow", "all flows")),
    span: filter("Charts show", spans),
  };
  if (days <= 182) filters.span.initial = "all";
  return filters;
}

/**
 * Whether a period overlaps the reported days.
 * @param {Metrics} metrics
 * @param {Period} period
 */
export function hasData(metrics, period) {
  const { first, last } = metrics.data;
  return first !== null && last !== null && period.start <= last && period.end >= first;
}

/**
 * The period of an option.
 * @param {string} value
 */
export function parsePeriod(value) {
  const [grain, start] = value.split(":");
  return periodStarting(/** @type {Grain} */ (grain), start);
}

/**
 * The period to compare with.
 * @param {Period} period
 * @param {string} compare
 * @returns {?Period}
 */
export function comparisonPeriod(period, compare) {
  if (compare === "none") return null;
  if (period.grain === "month")
    return periodStarting("month", addMonths(period.start, compare === "year" ? -12 : -1));
  // 364 days keep the weekdays aligned.
  const days = compare === "year" ? 364 : period.grain === "week" ? 7 : 28;
  return periodStarting(period.grain, addDays(period.start, -days));
}
