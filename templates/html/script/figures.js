// The figures of the page: metric lines as they were published. Nothing is computed here; `data.rs` wrote the compact
// form that is read back.

/**
 * @typedef {"day"|"week"|"month"|"window"} Grain
 * @typedef {{grain: Grain, start: string, end: string}} Period
 * @typedef {{
 *   metric: string, group: number, period: Period, by: Object<string, string>,
 *   value: ?number, n: ?number, of: ?number, people: ?number, coverage: number, imported: number, basis: ?number,
 *   final: boolean, reason: ?string, hidden: ?string
 * }} Line one metric line; `reason` says why there is no value, `hidden` why it may not be shown
 */

const DAY_MS = 86400000;

/** Days by their number since 1970: the same ones are asked for again and again, and writing a date takes long. */
const writtenDays = new Map();

/** The day so many days later. */
export function plusDays(day, days) {
  const number = Date.parse(day) / DAY_MS + days;
  if (!writtenDays.has(number)) writtenDays.set(number, new Date(number * DAY_MS).toISOString().slice(0, 10));
  return writtenDays.get(number);
}

/** Whole days from one day to another. */
export function daysBetween(from, to) {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
}

/** The month so many months later, by its first day. */
export function plusMonths(day, months) {
  const date = new Date(day);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)).toISOString().slice(0, 10);
}

/** The period of a grain that starts with this day. */
export function periodFrom(grain, start) {
  const end = {
    day: () => start,
    week: () => plusDays(start, 6),
    window: () => plusDays(start, 27),
    month: () => plusDays(plusMonths(start, 1), -1),
  };
  return { grain, start, end: end[grain]() };
}

/** The period of a grain that holds this day. */
function periodHolding(grain, day) {
  if (grain === "month") return periodFrom(grain, day.slice(0, 8) + "01");
  if (grain === "week") return periodFrom(grain, plusDays(day, -((new Date(day).getUTCDay() + 6) % 7)));
  return periodFrom("day", day);
}

/** Every period of a grain from the one that holds `first` to the one that holds `last`. */
export function periodsCovering(grain, first, last) {
  const periods = [];
  for (
    let period = periodHolding(grain, first);
    period.start <= last;
    period = periodHolding(grain, plusDays(period.end, 1))
  )
    periods.push(period);
  return periods;
}

export class Figures {
  constructor(data) {
    this.data = data;
    this.series = new Map();
    this.places = new Map();
    for (const [grain, starts] of Object.entries(data.starts))
      this.places.set(grain, new Map(starts.map((start, at) => [start, at])));
    for (const series of data.series) {
      series.by ??= {};
      series.i ??= 0;
      const key = `${series.g} ${series.m} ${series.t}`;
      if (!this.series.has(key)) this.series.set(key, []);
      this.series.get(key).push(series);
    }
  }

  /** Every series of a metric and grain. */
  all(group, metric, grain) {
    return this.series.get(`${group} ${metric} ${grain}`) ?? [];
  }

  /** Whether there is any line of a metric. */
  has(metric) {
    return this.data.series.some((series) => series.m.startsWith(metric));
  }

  /** Whether any line of a metric has a number. */
  tells(metric) {
    const isNumber = (cell) => typeof cell === "number" || cell === "/";
    return this.data.series.some((series) => series.m.startsWith(metric) && series.v.some(isNumber));
  }

  /** The periods of a grain that some line speaks of. */
  periods(grain) {
    return (this.data.starts[grain] ?? []).map((start) => periodFrom(grain, start));
  }

  /** The line of exactly these dimensions; nothing where there is none. */
  line(group, metric, period, by = {}) {
    const series = this.all(group, metric, period.grain).find((series) => sameBy(series.by, by));
    return series && this.cell(series, period);
  }

  /** The lines of a metric by one dimension; `also` are fixed values of further ones. */
  split(group, metric, period, key, also = {}) {
    const found = new Map();
    for (const series of this.all(group, metric, period.grain)) {
      const { [key]: value, ...rest } = series.by;
      if (value === undefined || !sameBy(rest, also)) continue;
      const line = this.cell(series, period);
      if (line) found.set(value, line);
    }
    return found;
  }

  /** Every line of a series. */
  lines(series) {
    const starts = this.data.starts[series.t];
    return series.v.flatMap((cell, at) =>
      cell === null ? [] : this.cell(series, periodFrom(series.t, starts[series.i + at])),
    );
  }

  /** Every value of a dimension that some line has, in order. */
  values(key) {
    const values = new Set();
    for (const series of this.data.series) if (series.by[key] !== undefined) values.add(series.by[key]);
    return [...values].sort((a, b) => a.localeCompare(b));
  }

  /** The line of a series in a period. */
  cell(series, period) {
    const at = (this.places.get(period.grain)?.get(period.start) ?? -1) - series.i;
    const cell = series.v[at];
    if (cell === undefined || cell === null) return undefined;
    const of = series.of?.[at] ?? null;
    const share = (days) =>
      Number.isInteger(days) ? days / (daysBetween(period.start, period.end) + 1) : days;
    const line = {
      metric: series.m,
      group: series.g,
      period,
      by: series.by,
      value: null,
      n: null,
      of,
      people: series.p?.[at] ?? null,
      coverage: share(series.c?.[at]) ?? 1,
      imported: share(series.e?.[at]) ?? 0,
      basis: series.b?.[at] ?? null,
      final: (series.f?.[at] ?? 1) === 1,
      reason: null,
      hidden: null,
    };
    if (typeof cell === "number") {
      line.value = cell;
      const n = series.n?.[at] ?? cell;
      line.n = n === "-" ? null : n;
    } else if (cell === "/") {
      line.n = series.n[at];
      line.value = line.n / line.of;
    } else if (cell === "under" || cell === "hidden") {
      line.hidden = cell;
    } else {
      line.reason = cell;
      line.n = series.n?.[at] ?? null;
    }
    return line;
  }
}

function sameBy(by, wanted) {
  const keys = Object.keys(wanted);
  return Object.keys(by).length === keys.length && keys.every((key) => by[key] === wanted[key]);
}

// What a line says about itself

/** Observations below which a rate is drawn pale: one more or less moves it by three points or more. */
export const SMALL_N = 30;

/** What is known of one slot: `value`, `missing` (never zero), `hidden`, `nothing` (to divide by) or `unknown`. */
export function markOf(line) {
  if (!line) return "missing";
  if (line.hidden) return "hidden";
  if (line.value !== null) return "value";
  return { nothing_shown: "nothing", not_collected: "missing" }[line.reason] ?? "unknown";
}

/** Whether nothing of a value is known to be missing or to change: all its days are final, or were imported. */
export function isSettled(line) {
  return (line.final && line.coverage >= 1) || isImported(line);
}

/** Whether no day of a line is known to be missing: those that are not complete were imported. */
export function isImported(line) {
  return line.imported > 0 && line.coverage + line.imported > 0.9999;
}

/** Whether a rate rests on so little that it is drawn pale. */
export function isSmall(line) {
  return line?.of !== null && line?.of !== undefined && line.of < SMALL_N;
}
