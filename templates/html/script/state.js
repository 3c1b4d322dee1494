// The selected filter values. They are in the fragment of the URL, so that a link shows the same view:
// `#chat&period=month:2026-10-01&group=acme`. A filter that is absent has its initial value.

import { capitalize, dateRange, periodName, valueLabel } from "./format.js";
import { addDays, addMonths, daysBetween, periodsBetween, periodStarting } from "./metrics.js";

/**
 * @import {Data, Grain, Metrics, Period} from "./metrics.js"
 * @typedef {"period"|"compare"|"group"|"team"|"language"|"feature"|"flow"|"span"} FilterKey
 * @typedef {Record<FilterKey, string>} Selected the value of each filter
 * @typedef {{value: string, label: string, in?: string}} Option `in` is its group in the list
 * @typedef {{label: string, options: Option[], initial: string}} Filter
 * @typedef {Record<FilterKey, Filter>} Filters
 */

/** @type {FilterKey[]} */
export const FILTER_KEYS = ["period", "compare", "group", "team", "language", "feature", "flow", "span"];

/** @type {FilterKey[]} The filters of a page; the others are in the sections that they apply to. */
export const PAGE_FILTERS = ["period", "span", "compare", "group", "team"];

/** Names of spans in links of earlier versions. */
const OLD_SPANS = /** @type {Record<string, string>} */ ({ 13: "90d", 53: "year" });

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
    const [name, text] = part.split("=").map(decode);
    const key = FILTER_KEYS.find((key) => key === name);
    const value = key === "span" ? (OLD_SPANS[text] ?? text) : text;
    if (!key) continue;
    const isOption = filters[key].options.some((option) => option.value === value);
    if (isOption || (key === "span" && rangeOf(value))) selected[key] = value;
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
      .countedPeriods(grain)
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
  return {
    period: filter("Values", periods.flat().map(periodOption)),
    compare: filter("Compare", [
      option("before", "period before"),
      option("year", "a year earlier"),
      option("none", "nothing"),
    ]),
    group: filter(
      "Group",
      data.groups.map((group) => option(group.name)),
    ),
    team: filter("Team", valueOptions("team", "all teams")),
    language: filter("Language", valueOptions("language", "all languages")),
    feature: filter("Feature", valueOptions("feature", "all features")),
    flow: filter("Flow", valueOptions("flow", "all flows")),
    span: spanFilter(data),
  };
}

/** @type {[string, string, number][]} Spans of charts: value, label, and the days from which they are offered. */
const SPANS = [
  ["7d", "7 days", 8],
  ["28d", "28 days", 29],
  ["90d", "90 days", 91],
  ["quarter", "this quarter", 92],
  ["year", "a year", 366],
  ["all", "all days", 0],
];

/** Days from which charts start with 90 of them. */
const LONG_DAYS = 98;

/**
 * @param {Data} data
 * @returns {Filter}
 */
function spanFilter({ first, last }) {
  const days = first && last ? daysBetween(first, last) + 1 : 0;
  return {
    label: "Charts",
    options: SPANS.filter(([, , min]) => days >= min).map(([value, label]) => ({ value, label })),
    initial: days >= LONG_DAYS ? "90d" : "all",
  };
}

/**
 * The days of a free range: `2026-09-01..2026-09-20`.
 * @param {string} span
 * @returns {?{from: string, to: string}}
 */
export function rangeOf(span) {
  const match = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(span);
  if (!match || match[1] > match[2] || match.slice(1).some((day) => Number.isNaN(Date.parse(day))))
    return null;
  return { from: match[1], to: match[2] };
}

/**
 * The label of a span.
 * @param {Filter} filter
 * @param {string} span
 */
export function spanLabel(filter, span) {
  const range = rangeOf(span);
  if (range) return dateRange({ grain: "day", start: range.from, end: range.to });
  return filter.options.find(({ value }) => value === span)?.label ?? span;
}

/**
 * The first and the last day that charts show.
 * @param {Data} data
 * @param {Selected} selected
 * @param {Period} period
 * @returns {?{from: string, to: string}}
 */
export function spanDays(data, selected, period) {
  if (!data.first || !data.last) return null;
  const range = rangeOf(selected.span);
  const last = period.end < data.last ? period.end : data.last;
  const to = range ? range.to : selected.span === "all" ? data.last : last;
  /** @type {Record<string, string>} */
  const starts = {
    "7d": addDays(to, -6),
    "28d": addDays(to, -27),
    "90d": addDays(to, -89),
    quarter: addMonths(to, -((Number(to.slice(5, 7)) - 1) % 3)),
    year: addDays(to, -364),
  };
  const from = range ? range.from : (starts[selected.span] ?? data.first);
  const kept = { from: from > data.first ? from : data.first, to: to < data.last ? to : data.last };
  // A link can hold days that the page no longer has.
  return kept.from <= kept.to ? kept : { from: data.first, to: data.last };
}

/** The fewest slots of a chart by week and by month: a single one has no course. */
const MIN_SLOTS = { day: 1, week: 6, month: 4, window: 1 };

/**
 * The days, weeks or months on the time axis.
 * @param {Data} data
 * @param {Selected} selected
 * @param {Period} period
 * @param {Grain} grain
 */
export function chartSlots(data, selected, period, grain) {
  const days = spanDays(data, selected, period);
  if (!days || !data.first) return [];
  const slots = periodsBetween(grain, days.from, days.to);
  while (slots.length < MIN_SLOTS[grain]) {
    const [before] = periodsBetween(grain, addDays(slots[0].start, -1), addDays(slots[0].start, -1));
    if (before.end < data.first) break;
    slots.unshift(before);
  }
  return slots;
}

/**
 * The slot to compare another one with, an equal number of days earlier; null where there is no earlier one.
 * @param {Data} data
 * @param {Selected} selected
 * @param {Period} period
 * @param {Period} slot
 * @returns {?Period}
 */
export function earlierSlot(data, selected, period, slot) {
  const days = spanDays(data, selected, period);
  const isYear = selected.compare === "year";
  if (!days || selected.compare === "none" || (selected.span === "all" && !isYear)) return null;
  const length = isYear ? 364 : Math.ceil((daysBetween(days.from, days.to) + 1) / 7) * 7;
  if (slot.grain === "month")
    return periodStarting("month", addMonths(slot.start, isYear ? -12 : -Math.ceil(length / 31)));
  return periodStarting(slot.grain, addDays(slot.start, -Math.max(length, slot.grain === "week" ? 42 : 7)));
}

/**
 * Whether a period overlaps the published days. Before a day is published, the only lines are bills, and all periods do.
 * @param {Metrics} metrics
 * @param {Period} period
 */
export function hasData(metrics, period) {
  const { first, last } = metrics.data;
  return first === null || last === null || (period.start <= last && period.end >= first);
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
