// Numbers in the reader's way of writing them, days and reasons in the language of the page.

import { daysBetween, isImported } from "./figures.js";

export const UNKNOWN = "–";
/** Joins the words of a date: a heading must not break inside one. */
const NO_BREAK = "\u00a0";

/** A way of writing that is made when it is first used: the browser takes milliseconds for each. */
function written(Format, locale, options) {
  let made;
  return { format: (value) => (made ??= new Format(locale, options)).format(value) };
}

const numberFormat = (options) => written(Intl.NumberFormat, undefined, options);
export const plainNumber = numberFormat({ maximumFractionDigits: 1 });
export const exactNumber = numberFormat({ maximumFractionDigits: 20 });
export const percentNumber = numberFormat({
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
export const wholePercent = numberFormat({ style: "percent", maximumFractionDigits: 0 });
const dollarNumber = numberFormat({ style: "currency", currency: "USD" });

const dayFormat = (options) => {
  const day = written(Intl.DateTimeFormat, "en-GB", { timeZone: "UTC", ...options });
  return { format: (value) => day.format(value).replace(",", "").replaceAll(" ", NO_BREAK) };
};
const shortDayFormat = dayFormat({ day: "numeric", month: "short" });
const longDayFormat = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const monthFormat = dayFormat({ month: "long", year: "numeric" });
export const shortMonthFormat = dayFormat({ month: "short" });
export const shortMonthYearFormat = dayFormat({ month: "short", year: "numeric" });

/** Writes values: `plain` counts, `percent` shares from 0 to 1, `duration` seconds, `dollars`, `days` days. */
export const STYLES = {
  plain: (value) => plainNumber.format(value),
  percent: (share) => {
    // 99.96 % must not become 100 %, nor 0.04 % nothing: the ends of the scale are claims of their own.
    if (share > 0 && share < 0.0005) return `<${percentNumber.format(0.001)}`;
    if (share < 1 && share >= 0.9995) return `>${percentNumber.format(0.999)}`;
    return (share === 0 || share === 1 ? wholePercent : percentNumber).format(share);
  },
  duration: (seconds) => {
    const { name, size } = unitOf(seconds);
    return `${plainNumber.format(size < 3600 ? Math.round(seconds / size) : seconds / size)} ${name}`;
  },
  dollars: (value) => dollarNumber.format(value),
  days: (days) => `${plainNumber.format(days)} ${days === 1 ? "day" : "days"}`,
};

/** Units of durations: their seconds, and those from which on they read better than the one before. */
const UNITS = [
  { name: "s", size: 1, least: 0 },
  { name: "min", size: 60, least: 59.5 },
  { name: "h", size: 3600, least: 3570 },
  { name: "days", size: 86400, least: 172800 },
];

/** The unit in which a duration reads best. */
export function unitOf(seconds) {
  return UNITS.findLast(({ least }) => seconds >= least) ?? UNITS[0];
}

/** A duration in a given unit: beside others, for the eye to compare. */
export function durationIn({ name, size }, seconds) {
  const amount = seconds / size;
  if (amount > 0 && amount < 0.05) return `<${plainNumber.format(0.1)} ${name}`;
  const text = plainNumber.format(size < 3600 && amount >= 10 ? Math.round(amount) : amount);
  return `${text} ${name === "days" && text === "1" ? "day" : name}`;
}

export const REASONS = {
  not_collected: "not collected",
  no_snapshot: "no list of seats",
  nothing_shown: "nothing to divide by",
  period_incomplete: "period not complete",
  look_back_incomplete: "needs older data than there is",
  not_in_source: "the source does not tell",
  too_few: "too few for an interval",
  not_known: "not known",
};

export function counted(count, one, many) {
  return `${plainNumber.format(count)} ${count === 1 ? one : many}`;
}

export function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function shortDay(day) {
  return shortDayFormat.format(new Date(day));
}

export function longDay(day) {
  return longDayFormat.format(new Date(day));
}

/** `October 2026`, `week of 5 Oct 2026`, `28 days to 31 Oct 2026`. */
export function periodName(period) {
  if (period.grain === "day") return longDay(period.start);
  if (period.grain === "month") return monthFormat.format(new Date(period.start));
  const year = (day) => `${shortDay(day)}${NO_BREAK}${day.slice(0, 4)}`;
  return period.grain === "week" ? `week of ${year(period.start)}` : `28 days to ${year(period.end)}`;
}

/** The days of a period: `4 Oct to 31 Oct 2026`. */
export function spanText({ start, end }) {
  const year = start.slice(0, 4) === end.slice(0, 4) ? "" : ` ${start.slice(0, 4)}`;
  return start === end
    ? `${shortDay(end)} ${end.slice(0, 4)}`
    : `${shortDay(start)}${year} to ${shortDay(end)} ${end.slice(0, 4)}`;
}

/** The value of a line as text, or what stands in its place; a duration in `unit`, where there is one. */
export function valueText(line, style, small, unit) {
  if (!line) return UNKNOWN;
  if (line.hidden) return line.hidden === "under" ? `under ${small}` : "hidden";
  if (line.value === null) return UNKNOWN;
  return unit && style === "duration" ? durationIn(unit, line.value) : STYLES[style](line.value);
}

/** `25 of 100` of a share, `661 ÷ 162` of a mean; empty where a line has no two parts. */
export function partsText(line, style) {
  if (!line || line.value === null || line.of === null) return "";
  const [n, of] = [line.n, line.of].map((part) => plainNumber.format(part));
  return style === "percent" ? `${n} of ${of}` : `${n} ÷ ${of}`;
}

/** Everything worth saying about a line beside its value. */
export function remarks(line, style) {
  if (!line) return ["not collected"];
  if (line.hidden === "under") return ["few people are behind it"];
  if (line.hidden) return ["a small group could be computed from it"];
  if (line.value === null) return [REASONS[line.reason] ?? REASONS.not_known];
  const words = [];
  const parts = partsText(line, style);
  if (parts) words.push(parts);
  else if (style === "duration") words.push(`${exactNumber.format(line.value)} s`);
  if (style === "duration" && line.n !== null) words.push(`of ${plainNumber.format(line.n)}`);
  if (line.imported > 0) words.push(daysText(line));
  else if (line.coverage < 1) words.push(`${wholePercent.format(line.coverage)} of its days collected`);
  if (line.basis !== null) words.push(`measured on ${percentNumber.format(line.basis)}`);
  if (!line.final && !isImported(line)) words.push("may still change");
  return words;
}

/** How many of its days a line rests on; empty when all were collected. */
export function daysText(line) {
  if (line.coverage >= 1) return "";
  const days = daysBetween(line.period.start, line.period.end) + 1;
  const ofDays = (share) => `${Math.round(share * days)} of ${days} days`;
  const texts = [];
  if (line.coverage > 0 || line.imported === 0) texts.push(`${ofDays(line.coverage)} collected`);
  if (line.imported > 0)
    texts.push(
      `${isImported(line) ? "imported events" : `${ofDays(line.imported)} imported`}, completeness unknown`,
    );
  return texts.join(", ");
}

/** Why two lines are not compared: all days of both have to be there. Empty when they are. */
export function whyNotCompared(from, to) {
  const line = [to, from].find((line) => line && line.coverage < 1);
  if (!line) return "";
  const name = periodName(line.period);
  return isImported(line) ? `whether ${name} is complete is unknown` : `${name} is not complete`;
}

/** The change from one line to another of the same kind of period, in words; empty when nothing can be said. */
export function changeText(from, to, style) {
  if (!from || !to || from.value === null || to.value === null || whyNotCompared(from, to)) return "";
  const difference = to.value - from.value;
  const sign = difference < 0 ? "−" : "+";
  if (style === "percent") {
    const points = plainNumber.format(Math.abs(difference) * 100);
    if (points === plainNumber.format(0)) return "no change";
    return `${sign}${points} ${points === plainNumber.format(1) ? "point" : "points"}`;
  }
  const size = STYLES[style](Math.abs(difference));
  if (size === STYLES[style](0)) return "no change";
  // A percentage of a small base says less than the difference.
  if (from.value < 20) return `${sign}${size}`;
  const share = Math.abs(difference) / from.value;
  if (share < 0.0005) return "no change";
  return `${sign}${(share < 0.0095 ? percentNumber : wholePercent).format(share)}`;
}

/** What stands for a value that nobody reports, by its dimension. That a suggestion has no language is a value of its own. */
const NO_VALUE = { language: "no language", ide: "no editor reported", add_on: "no add-on reported" };

/** A value of a dimension as a reader sees it. */
export function valueName(value, key) {
  if (value === "(none)") return NO_VALUE[key] ?? `no ${key.replaceAll("_", " ")} reported`;
  if (value === "(not attributed)") return "the source does not tell";
  return value.replaceAll("_", " ");
}
