// Decodes the metric lines in the page. `src/publish/site/data.rs` writes the compact form; nothing is computed here.

/**
 * @typedef {"day"|"week"|"month"|"window"} Grain `window` is the last 28 days
 * @typedef {{grain: Grain, start: string, end: string}} Period `start` and `end` are days, `YYYY-MM-DD`
 * @typedef {Record<string, string>} Dimensions
 * @typedef {"value"|"missing"|"hidden"|"nothing"|"unknown"|"silent"} Status see {@link statusOf}
 */

/**
 * A metric line. `n` and `of` are the numerator and the denominator of a rate. `coverage` and `imported` are shares of the
 * days: complete ones, and those known only from imported events. `basis` is the share of rows that carry the field.
 * `source` is where sessions of agents come from, for their total. `reason` explains a missing value; `hidden` is `under` (fewer people than the threshold) or `hidden` (suppressed so
 * that no such value can be derived).
 * @typedef {{
 *   metric: string, group: number, period: Period, by: Dimensions,
 *   value: ?number, n: ?number, of: ?number, people: ?number, coverage: number, imported: number, basis: ?number,
 *   final: boolean, reason: ?string, hidden: ?string, source: ?string
 * }} Line
 */

/**
 * The lines of one group (`g`), metric (`m`), grain (`t`) and set of dimensions, as columns over the periods from position
 * `i` on. `v` holds a value, `/` for n / of, a reason, or null where there is no line; `n` holds `-` where it is unknown.
 * A column that is absent holds the usual: n is the value, the period is complete and final.
 * @typedef {{
 *   g: number, m: string, t: Grain, by: Dimensions, i: number, v: (number|string|null)[], n?: (number|"-"|null)[],
 *   of?: (?number)[], p?: (?number)[], c?: (?number)[], e?: (?number)[], b?: (?number)[], f?: number[], s?: (?string)[]
 * }} Series
 */

/**
 * @typedef {{label: string, href: string, metric: string, by: Dimensions, style: Style, of: string}} Headline
 * @typedef {import("./format.js").Style} Style
 * @typedef {{
 *   first: ?string, last: ?string, small: number, groups: {name: string, union: boolean}[],
 *   starts: Partial<Record<Grain, string[]>>, changes: {group: number, day: string, to: string}[], seats: string,
 *   prices?: string, headline: Headline[], series: Series[]
 * }} Data the JSON in the page; `small` is the number of people below which values are suppressed
 */

const DAY_MS = 86400000;

/** Days as text by their number since 1970: the same ones are needed over and over, and formatting a date is slow. */
const dayStrings = new Map();

/**
 * @param {string} day
 * @param {number} days
 * @returns {string}
 */
export function addDays(day, days) {
  const number = Date.parse(day) / DAY_MS + days;
  if (!dayStrings.has(number)) dayStrings.set(number, new Date(number * DAY_MS).toISOString().slice(0, 10));
  return dayStrings.get(number);
}

/**
 * @param {string} from
 * @param {string} to
 */
export function daysBetween(from, to) {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
}

/**
 * The first day of the month that is so many months later.
 * @param {string} day
 * @param {number} months
 */
export function addMonths(day, months) {
  const date = new Date(day);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)).toISOString().slice(0, 10);
}

/**
 * @param {Grain} grain
 * @param {string} start
 * @returns {Period}
 */
export function periodStarting(grain, start) {
  const end = {
    day: () => start,
    week: () => addDays(start, 6),
    window: () => addDays(start, 27),
    month: () => addDays(addMonths(start, 1), -1),
  };
  return { grain, start, end: end[grain]() };
}

/**
 * The day, week or month that contains a day.
 * @param {Grain} grain
 * @param {string} day
 * @returns {Period}
 */
function periodContaining(grain, day) {
  if (grain === "month") return periodStarting(grain, day.slice(0, 8) + "01");
  if (grain === "week") return periodStarting(grain, addDays(day, -((new Date(day).getUTCDay() + 6) % 7)));
  return periodStarting("day", day);
}

/**
 * Every period of a grain from the one that contains `first` to the one that contains `last`.
 * @param {Grain} grain
 * @param {string} first
 * @param {string} last
 */
export function periodsBetween(grain, first, last) {
  const periods = [];
  for (
    let period = periodContaining(grain, first);
    period.start <= last;
    period = periodContaining(grain, addDays(period.end, 1))
  )
    periods.push(period);
  return periods;
}

export class Metrics {
  /** @param {Data} data */
  constructor(data) {
    this.data = data;
    /** @type {Map<string, Series[]>} */
    this.series = new Map();
    /** @type {Map<string, Map<string, number>>} */
    this.positions = new Map();
    for (const [grain, starts] of Object.entries(data.starts))
      this.positions.set(grain, new Map(starts.map((start, at) => [start, at])));
    for (const series of data.series) {
      series.by ??= {};
      series.i ??= 0;
      const key = `${series.g} ${series.m} ${series.t}`;
      const known = this.series.get(key);
      if (known) known.push(series);
      else this.series.set(key, [series]);
    }
  }

  /**
   * Every series of a metric and grain.
   * @param {number} group
   * @param {string} metric
   * @param {Grain} grain
   */
  seriesOf(group, metric, grain) {
    return this.series.get(`${group} ${metric} ${grain}`) ?? [];
  }

  /**
   * Whether any line of a metric has a value.
   * @param {string} metric
   */
  hasValues(metric) {
    /** @param {Series["v"][number]} cell */
    const isNumber = (cell) => typeof cell === "number" || cell === "/";
    return this.data.series.some((series) => series.m.startsWith(metric) && series.v.some(isNumber));
  }

  /**
   * The periods of a grain in which something was counted: coverage is also known of periods that are not published.
   * @param {Grain} grain
   */
  countedPeriods(grain) {
    /** @type {Set<number>} */
    const found = new Set();
    for (const { m, t, i, v } of this.data.series) {
      if (t !== grain || /^(coverage|teams|reconcile|answer)\./.test(m)) continue;
      v.forEach((cell, at) => cell !== null && found.add(i + at));
    }
    return this.periods(grain).filter((_, at) => found.has(at));
  }

  /**
   * The periods of a grain that have lines.
   * @param {Grain} grain
   */
  periods(grain) {
    return (this.data.starts[grain] ?? []).map((start) => periodStarting(grain, start));
  }

  /**
   * The newest period up to the given one in which a metric has lines with these dimensions: splits exist for complete
   * weeks and months only, and for the 28 days that end with a week. It goes back by at most one week or month.
   * @param {number} group
   * @param {string} metric
   * @param {Period} period
   * @param {string[]} keys
   */
  newestPeriod(group, metric, period, keys) {
    const names = [...keys].sort().join();
    const series = this.seriesOf(group, metric, period.grain).filter(
      ({ by }) => Object.keys(by).sort().join() === names,
    );
    /** @param {Period} candidate */
    const hasLines = (candidate) =>
      series.some((one) => {
        const at = (this.positions.get(candidate.grain)?.get(candidate.start) ?? -1) - one.i;
        return one.v[at] !== undefined && one.v[at] !== null;
      });
    if (hasLines(period)) return period;
    /** @param {Period} other */
    const isNear = ({ end }) =>
      end < period.end && end >= addDays(period.end, period.grain === "month" ? -31 : -7);
    return this.periods(period.grain).findLast((other) => isNear(other) && hasLines(other)) ?? period;
  }

  /**
   * The line with exactly these dimensions.
   * @param {number} group
   * @param {string} metric
   * @param {Period} period
   * @param {Dimensions} [by]
   */
  line(group, metric, period, by = {}) {
    const series = this.seriesOf(group, metric, period.grain).find((series) => hasDimensions(series.by, by));
    return series && this.lineAt(series, period);
  }

  /**
   * The lines of a metric by the values of one dimension; `fixed` are the values of further dimensions.
   * @param {number} group
   * @param {string} metric
   * @param {Period} period
   * @param {string} key
   * @param {Dimensions} [fixed]
   */
  split(group, metric, period, key, fixed = {}) {
    /** @type {Map<string, Line>} */
    const lines = new Map();
    for (const series of this.seriesOf(group, metric, period.grain)) {
      const { [key]: value, ...rest } = series.by;
      if (value === undefined || !hasDimensions(rest, fixed)) continue;
      const line = this.lineAt(series, period);
      if (line) lines.set(value, line);
    }
    return lines;
  }

  /**
   * Every line of a series.
   * @param {Series} series
   */
  linesOf(series) {
    const starts = this.data.starts[series.t] ?? [];
    return series.v.flatMap(
      (_, at) => this.lineAt(series, periodStarting(series.t, starts[series.i + at])) ?? [],
    );
  }

  /**
   * Every value of a dimension, sorted.
   * @param {string} key
   */
  dimensionValues(key) {
    /** @type {Set<string>} */
    const values = new Set();
    for (const series of this.data.series) if (series.by[key] !== undefined) values.add(series.by[key]);
    return [...values].sort((a, b) => a.localeCompare(b));
  }

  /**
   * The line of a series in a period.
   * @param {Series} series
   * @param {Period} period
   * @returns {Line|undefined}
   */
  lineAt(series, period) {
    const at = (this.positions.get(period.grain)?.get(period.start) ?? -1) - series.i;
    const cell = series.v[at];
    if (cell === undefined || cell === null) return undefined;
    // Whole days where that is exact, else a share.
    /** @type {(days: ?number|undefined, absent: number) => number} */
    const share = (days, absent) => {
      if (days === null || days === undefined) return absent;
      return Number.isInteger(days) ? days / (daysBetween(period.start, period.end) + 1) : days;
    };
    /** @type {Line} */
    const line = {
      metric: series.m,
      group: series.g,
      period,
      by: series.by,
      value: null,
      n: null,
      of: series.of?.[at] ?? null,
      people: series.p?.[at] ?? null,
      coverage: share(series.c?.[at], 1),
      imported: share(series.e?.[at], 0),
      basis: series.b?.[at] ?? null,
      final: (series.f?.[at] ?? 1) === 1,
      reason: null,
      hidden: null,
      source: series.s?.[at] ?? null,
    };
    const n = series.n?.[at];
    if (typeof cell === "number") {
      line.value = cell;
      line.n = n === "-" ? null : (n ?? cell);
    } else if (cell === "/") {
      line.n = Number(n);
      line.value = line.n / Number(line.of);
    } else if (cell === "under" || cell === "hidden") {
      line.hidden = cell;
    } else {
      line.reason = cell;
      line.n = n === "-" ? null : (n ?? null);
    }
    return line;
  }
}

/**
 * @param {Dimensions} by
 * @param {Dimensions} wanted
 */
function hasDimensions(by, wanted) {
  const keys = Object.keys(wanted);
  return Object.keys(by).length === keys.length && keys.every((key) => by[key] === wanted[key]);
}

/** Cases below which a rate is pale: a single one moves it by three points or more. */
export const MIN_SAMPLE = 30;

/**
 * `value`, `missing` (not collected, never zero), `hidden` (suppressed), `nothing` (no cases) or `unknown`.
 * @param {Line|undefined} line
 * @returns {Status}
 */
export function statusOf(line) {
  if (!line) return "missing";
  if (line.hidden) return "hidden";
  if (line.value !== null) return "value";
  if (line.reason === "nothing_shown") return "nothing";
  return line.reason === "not_collected" ? "missing" : "unknown";
}

/**
 * Whether a value is not known to be incomplete or provisional.
 * @param {Line} line
 */
export function isSettled(line) {
  return (line.final && line.coverage >= 1) || isImported(line);
}

/**
 * Whether some days of a line are missing, and will stay so.
 * @param {Line} line
 */
export function isPart(line) {
  return line.final && line.coverage < 1 && !isImported(line);
}

/**
 * Whether every day of a line that is not complete was imported, so that no day is known to be missing.
 * @param {Line} line
 */
export function isImported(line) {
  return line.imported > 0 && line.coverage + line.imported > 0.9999;
}

/**
 * Whether a rate has so few cases that it is shown pale.
 * @param {Line|undefined} line
 */
export function isSmallSample(line) {
  return line?.of !== null && line?.of !== undefined && line.of < MIN_SAMPLE;
}
