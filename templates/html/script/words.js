// Numbers in the reader's way of writing them, days and reasons in the language of the page.

const UNKNOWN = "–";
/** Observations below which a rate is drawn pale: one more or less moves it by three points or more. */
const SMALL_N = 30;

/** A way of writing that is made when it is first used: the browser takes milliseconds for each. */
function written(Format, locale, options) {
  let made;
  return { format: (value) => (made ??= new Format(locale, options)).format(value) };
}

const numberFormat = (options) => written(Intl.NumberFormat, undefined, options);
const plainNumber = numberFormat({ maximumFractionDigits: 1 });
const exactNumber = numberFormat({ maximumFractionDigits: 20 });
const percentNumber = numberFormat({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const wholePercent = numberFormat({ style: "percent", maximumFractionDigits: 0 });
const dollarNumber = numberFormat({ style: "currency", currency: "USD" });

const dayFormat = (options) => written(Intl.DateTimeFormat, "en-GB", { timeZone: "UTC", ...options });
const shortDayFormat = dayFormat({ day: "numeric", month: "short" });
const longDayFormat = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const monthFormat = dayFormat({ month: "long", year: "numeric" });
const shortMonthFormat = dayFormat({ month: "short" });
const shortMonthYearFormat = dayFormat({ month: "short", year: "numeric" });

/** Writes values: `plain` counts, `percent` shares from 0 to 1, `duration` seconds, `dollars`, `days` days. */
const STYLES = {
  plain: (value) => plainNumber.format(value),
  percent: (share) => {
    // 99.96 % must not become 100 %, nor 0.04 % nothing: the ends of the scale are claims of their own.
    if (share > 0 && share < 0.0005) return `<${percentNumber.format(0.001)}`;
    if (share < 1 && share >= 0.9995) return `>${percentNumber.format(0.999)}`;
    return (share === 0 || share === 1 ? wholePercent : percentNumber).format(share);
  },
  duration: (seconds) => {
    if (seconds < 59.5) return `${Math.round(seconds)} s`;
    if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${plainNumber.format(seconds / 3600)} h`;
    return `${plainNumber.format(seconds / 86400)} days`;
  },
  dollars: (value) => dollarNumber.format(value),
  days: (days) => `${plainNumber.format(days)} ${days === 1 ? "day" : "days"}`,
};

const REASONS = {
  not_collected: "not collected",
  no_snapshot: "no list of seats",
  nothing_shown: "nothing to divide by",
  period_incomplete: "period not complete",
  look_back_incomplete: "needs older data than there is",
  not_in_source: "the source does not tell",
  too_few: "too few for an interval",
  not_known: "not known",
};

function counted(count, one, many) {
  return `${plainNumber.format(count)} ${count === 1 ? one : many}`;
}

function shortDay(day) {
  return shortDayFormat.format(new Date(day));
}

function longDay(day) {
  return longDayFormat.format(new Date(day)).replace(",", "");
}

/** `October 2026`, `week of 5 Oct 2026`, `28 days to 31 Oct 2026`. */
function periodName(period) {
  if (period.grain === "day") return longDay(period.start);
  if (period.grain === "month") return monthFormat.format(new Date(period.start));
  const year = (day) => `${shortDay(day)} ${day.slice(0, 4)}`;
  return period.grain === "week" ? `week of ${year(period.start)}` : `28 days to ${year(period.end)}`;
}

/** The value of a line as text, or what stands in its place. */
function valueText(line, style, small) {
  if (!line) return UNKNOWN;
  if (line.hidden) return line.hidden === "under" ? `under ${small}` : "hidden";
  return line.value === null ? UNKNOWN : STYLES[style](line.value);
}

/** `25 of 100`; empty where a line is no rate. */
function partsText(line) {
  return line?.value !== null && line?.of !== null && line?.of !== undefined
    ? `${plainNumber.format(line.n)} of ${plainNumber.format(line.of)}`
    : "";
}

/** Everything worth saying about a line beside its value. */
function remarks(line, style) {
  if (!line) return ["not collected"];
  if (line.hidden === "under") return ["few people are behind it"];
  if (line.hidden) return ["a small group could be computed from it"];
  if (line.value === null) return [REASONS[line.reason] ?? REASONS.not_known];
  const words = [];
  if (partsText(line)) words.push(partsText(line));
  else if (style === "duration") words.push(`${exactNumber.format(line.value)} s`);
  if (style === "duration" && line.n !== null) words.push(`of ${plainNumber.format(line.n)}`);
  if (line.coverage < 1) words.push(`${wholePercent.format(line.coverage)} of its days collected`);
  if (line.basis !== null) words.push(`measured on ${percentNumber.format(line.basis)}`);
  if (!line.final) words.push("may still change");
  return words;
}

/** Whether a rate rests on so little that it is drawn pale. */
function isSmall(line) {
  return line?.of !== null && line?.of !== undefined && line.of < SMALL_N;
}

/** The change from one line to another, in words; empty when nothing can be said. */
function changeText(from, to, style) {
  if (!from || !to || from.value === null || to.value === null) return "";
  const difference = to.value - from.value;
  const sign = difference < 0 ? "−" : "+";
  if (style === "percent") {
    const points = Math.abs(difference) * 100;
    return points < 0.05 ? "no change" : `${sign}${plainNumber.format(points)} points`;
  }
  const size = STYLES[style](Math.abs(difference));
  if (size === STYLES[style](0)) return "no change";
  // A percentage of a small base says less than the difference.
  if (from.value >= 20) return `${sign}${wholePercent.format(Math.abs(difference) / from.value)}`;
  return `${sign}${size}`;
}

/** What stands for a value that nobody reports, by its dimension. That a suggestion has no language is a value of its own. */
const NO_VALUE = { language: "no language", ide: "no editor reported", add_on: "no add-on reported" };

/** A value of a dimension as a reader sees it. */
function valueName(value, key) {
  if (value === "(none)") return NO_VALUE[key] ?? `no ${key.replaceAll("_", " ")} reported`;
  if (value === "(not attributed)") return "the source does not tell";
  return value.replaceAll("_", " ");
}
