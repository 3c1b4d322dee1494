// Formats values in the reader's locale; days, reasons and labels in English.

import { daysBetween, isImported } from "./metrics.js";

/** @import {Line, Period} from "./metrics.js" */
/** @typedef {"plain"|"percent"|"duration"|"dollars"|"days"} Style `percent` formats shares, `duration` seconds */
/** @typedef {{name: string, size: number, min: number}} Unit */

export const UNKNOWN = "–";
/** What is shown in place of a suppressed value. */
export const SUPPRESSED = "suppressed";
/** The same in a narrow cell. */
export const SUPPRESSED_SHORT = "supp.";
/** Joins the words of a date, so that no line breaks inside one. */
const NO_BREAK = "\u00a0";

/**
 * A format that is created on first use, because that takes milliseconds.
 * @template T
 * @param {() => {format: (value: T) => string}} create
 */
function lazyFormat(create) {
  /** @type {?ReturnType<typeof create>} */
  let format = null;
  /** @param {T} value */
  const lazy = (value) => (format ??= create()).format(value);
  return { format: lazy };
}

/** @type {(options: Intl.NumberFormatOptions) => {format: (value: number) => string}} */
const lazyNumberFormat = (options) => lazyFormat(() => new Intl.NumberFormat(undefined, options));
export const decimalFormat = lazyNumberFormat({ maximumFractionDigits: 1 });
export const exactFormat = lazyNumberFormat({ maximumFractionDigits: 20 });
export const percentFormat = lazyNumberFormat({
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
export const wholePercentFormat = lazyNumberFormat({ style: "percent", maximumFractionDigits: 0 });
const ratioFormat = lazyNumberFormat({ maximumSignificantDigits: 2 });
const dollarFormat = lazyNumberFormat({ style: "currency", currency: "USD" });

/** @type {(options: Intl.DateTimeFormatOptions) => {format: (value: Date) => string}} */
const lazyDayFormat = (options) => {
  const day = lazyFormat(() => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }));
  return { format: (value) => day.format(value).replace(",", "").replaceAll(" ", NO_BREAK) };
};
const shortDayFormat = lazyDayFormat({ day: "numeric", month: "short" });
const longDayFormat = lazyDayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const monthFormat = lazyDayFormat({ month: "long", year: "numeric" });
export const shortMonthFormat = lazyDayFormat({ month: "short" });
export const shortMonthYearFormat = lazyDayFormat({ month: "short", year: "numeric" });

/** @type {Record<Style, (value: number) => string>} */
export const FORMATTERS = {
  plain: (value) => decimalFormat.format(value),
  percent: (share) => {
    // 99.96% must not become 100%, nor 0.04% become 0%: both ends of the scale are claims.
    if (share > 0 && share < 0.0005) return `<${percentFormat.format(0.001)}`;
    if (share < 1 && share >= 0.9995) return `>${percentFormat.format(0.999)}`;
    return (share === 0 || share === 1 ? wholePercentFormat : percentFormat).format(share);
  },
  duration: (seconds) => {
    const { name, size } = durationUnit(seconds);
    return `${decimalFormat.format(size < 3600 ? Math.round(seconds / size) : seconds / size)} ${name}`;
  },
  dollars: (value) => dollarFormat.format(value),
  days: (days) => `${decimalFormat.format(days)} ${days === 1 ? "day" : "days"}`,
};

/**
 * A quotient of two counts; small ones have two significant digits.
 * @param {number} value
 */
export function quotientText(value) {
  return (value < 10 ? ratioFormat : decimalFormat).format(value);
}

/** @type {Unit[]} Seconds of each unit, and the seconds from which it reads better than the one before. */
const UNITS = [
  { name: "s", size: 1, min: 0 },
  { name: "min", size: 60, min: 59.5 },
  { name: "h", size: 3600, min: 3570 },
  { name: "days", size: 86400, min: 172800 },
];

/**
 * The unit in which a duration reads best.
 * @param {number} seconds
 */
export function durationUnit(seconds) {
  return UNITS.findLast(({ min }) => seconds >= min) ?? UNITS[0];
}

/**
 * A duration in a given unit, comparable with others in the same column or on the same axis.
 * @param {Unit} unit
 * @param {number} seconds
 */
export function formatDuration({ name, size }, seconds) {
  const amount = seconds / size;
  if (amount > 0 && amount < 0.05) return `<${decimalFormat.format(0.1)} ${name}`;
  const text = decimalFormat.format(size < 3600 && amount >= 10 ? Math.round(amount) : amount);
  return `${text} ${name === "days" && text === "1" ? "day" : name}`;
}

/** @type {Record<string, string>} */
const REASONS = {
  not_collected: "not collected",
  no_snapshot: "no seat list",
  nothing_shown: "no cases",
  period_incomplete: "period incomplete",
  look_back_incomplete: "not enough history yet",
  not_in_source: "not reported by GitLab",
  too_few: "too few cases for an interval",
  no_commitment: "no commitment",
  not_reached: "not expected in this period",
  not_known: "unknown",
};

/**
 * Why a line has no value.
 * @param {Line} line
 */
export function reasonText(line) {
  return REASONS[line.reason ?? "not_known"] ?? REASONS.not_known;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export function pluralize(count, one, many) {
  return `${decimalFormat.format(count)} ${count === 1 ? one : many}`;
}

/** @param {string} text */
export function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string} day */
export function shortDay(day) {
  return shortDayFormat.format(new Date(day));
}

/** @param {string} day */
export function longDay(day) {
  return longDayFormat.format(new Date(day));
}

/**
 * `October 2026`, `week of 5 Oct 2026`, `28 days to 31 Oct 2026`.
 * @param {Period} period
 */
export function periodName(period) {
  if (period.grain === "day") return longDay(period.start);
  if (period.grain === "month") return monthFormat.format(new Date(period.start));
  /** @param {string} day */
  const withYear = (day) => `${shortDay(day)}${NO_BREAK}${day.slice(0, 4)}`;
  return period.grain === "week" ? `week of ${withYear(period.start)}` : `28 days to ${withYear(period.end)}`;
}

/**
 * `October`.
 * @param {Period} period
 */
export function monthName({ start }) {
  return monthFormat.format(new Date(start)).split(NO_BREAK)[0];
}

/**
 * `4 Oct to 31 Oct 2026`.
 * @param {Period} period
 */
export function dateRange({ start, end }) {
  const year = start.slice(0, 4) === end.slice(0, 4) ? "" : ` ${start.slice(0, 4)}`;
  return start === end
    ? `${shortDay(end)} ${end.slice(0, 4)}`
    : `${shortDay(start)}${year} to ${shortDay(end)} ${end.slice(0, 4)}`;
}

/**
 * The value of a line, or what is shown instead.
 * @param {Line|undefined} line
 * @param {Style} style
 * @param {Unit} [unit] unit of a duration
 */
export function valueText(line, style, unit) {
  if (!line) return UNKNOWN;
  if (line.hidden) return SUPPRESSED;
  if (line.value === null) return UNKNOWN;
  return unit && style === "duration" ? formatDuration(unit, line.value) : FORMATTERS[style](line.value);
}

/**
 * `25 of 100` for a share, `661 ÷ 162` for a mean; empty for a line without a denominator.
 * @param {Line|undefined} line
 * @param {Style} style
 */
export function ratioText(line, style) {
  if (!line || line.value === null || line.of === null) return "";
  const [n, of] = [line.n ?? 0, line.of].map((part) => decimalFormat.format(part));
  return style === "percent" ? `${n} of ${of}` : `${n} ÷ ${of}`;
}

/**
 * What a tooltip adds to the value of a line.
 * @param {Line|undefined} line
 * @param {Style} style
 */
export function details(line, style) {
  if (!line) return ["not collected"];
  if (line.hidden) return ["suppressed for privacy"];
  if (line.value === null) return [reasonText(line)];
  const texts = [];
  const ratio = ratioText(line, style);
  if (ratio) texts.push(ratio);
  else if (style === "duration") texts.push(`${exactFormat.format(line.value)} s`);
  if (style === "duration" && line.n !== null) texts.push(`n = ${decimalFormat.format(line.n)}`);
  if (line.imported > 0) texts.push(coverageText(line));
  else if (line.coverage < 1) texts.push(`${wholePercentFormat.format(line.coverage)} of days collected`);
  if (line.basis !== null) texts.push(`${percentFormat.format(line.basis)} of rows carry this field`);
  if (!line.final && !isImported(line)) texts.push("may still change");
  return texts;
}

/**
 * How many of its days a line covers; empty when all were collected.
 * @param {Line} line
 */
export function coverageText(line) {
  if (line.coverage >= 1) return "";
  const days = daysBetween(line.period.start, line.period.end) + 1;
  /** @param {number} share */
  const ofDays = (share) => `${Math.round(share * days)} of ${days} days`;
  const texts = [];
  if (line.coverage > 0 || line.imported === 0) texts.push(`${ofDays(line.coverage)} collected`);
  if (line.imported > 0)
    texts.push(
      `${isImported(line) ? "imported events" : `${ofDays(line.imported)} imported`}, completeness unknown`,
    );
  return texts.join(", ");
}

/** @type {Record<string, string>} Labels of `(none)` by dimension. "No language" is a value that editors send. */
const UNREPORTED_LABELS = {
  language: "no language",
  ide: "no editor reported",
  add_on: "no add-on reported",
};

/**
 * The label of a value of a dimension.
 * @param {string} value
 * @param {string} key
 */
export function valueLabel(value, key) {
  if (value === "(none)") return UNREPORTED_LABELS[key] ?? `no ${key.replaceAll("_", " ")} reported`;
  if (value === "(not attributed)") return "not reported by GitLab";
  return value.replaceAll("_", " ");
}
