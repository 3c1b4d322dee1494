// Merge requests of people with and without Duo.

import { forestFigure } from "./forest.js";
import { FORMATTERS, wholePercentFormat } from "./format.js";
import { currentLine, emptyFigure, withPeriod } from "./sections.js";
import { statusOf } from "./metrics.js";
import { whyEmpty } from "./table.js";

/**
 * @import {Estimate} from "./forest.js"
 * @import {Style} from "./format.js"
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @typedef {{metric: string, name: string, style: Style, more: string, less: string}} Measure `more` and `less` state that the
 *   value with Duo is larger or smaller
 * @typedef {{median: number, low: number, high: number, n: ?number}} Medians
 */

/** @type {Measure[]} */
const MEASURES = [
  {
    metric: "impact.time_to_merge_seconds",
    name: "Time to merge",
    style: "duration",
    more: "take longer to merge",
    less: "are merged sooner",
  },
  {
    metric: "impact.size_lines",
    name: "Size in lines",
    style: "plain",
    more: "are larger",
    less: "are smaller",
  },
];

/**
 * Medians with their intervals in one unit: percent of the median of the others. Null where nothing is known.
 * @param {Page} page
 */
export function impactFigure(page) {
  /** @type {Line[]} */
  const lines = [];
  /** @type {Estimate[]} */
  const estimates = [];
  /** @type {string[]} */
  const sentences = [];
  for (const measure of MEASURES) {
    const [duo, others] = ["true", "false"].map((withDuo) => medians(page, measure.metric, withDuo, lines));
    if (!duo || !others || others.median <= 0) continue;
    for (const [who, medians, tone] of /** @type {[string, Medians, "main"|"quiet"][]} */ ([
      ["with Duo", duo, "main"],
      ["others", others, "quiet"],
    ])) {
      const [low, middle, high] = [medians.low, medians.median, medians.high].map(
        (value) => value / others.median,
      );
      const count = medians.n === null ? "" : `n = ${FORMATTERS.plain(medians.n)}`;
      const text = FORMATTERS[measure.style](medians.median);
      estimates.push({ name: `${measure.name}, ${who}`, note: count, low, middle, high, text, tone });
    }
    sentences.push(impactSentence(measure, duo, others));
  }
  const title = withPeriod(page, "Merge requests of people active with Duo and of others", lines);
  if (estimates.length === 0)
    return lines.length > 0 && lines.every((line) => statusOf(line) !== "value")
      ? emptyFigure("impact-medians", title, whyEmpty(lines, page))
      : null;
  return forestFigure(
    {
      id: "impact-medians",
      title,
      note: "Medians with 95% intervals, in percent of the median of the others. At the right, the median itself.",
      sentence: sentences.join(" "),
      estimates,
      lines,
      reference: 1,
      format: (value) => wholePercentFormat.format(value),
    },
    page,
  );
}

/**
 * @param {Page} page
 * @param {string} metric
 * @param {string} withDuo
 * @param {Line[]} lines receives the lines
 * @returns {?Medians}
 */
function medians(page, metric, withDuo, lines) {
  const found = ["p50", "low", "high"].map((stat) => currentLine(page, metric, { with_duo: withDuo, stat }));
  lines.push(...found.filter((line) => line !== undefined));
  const [median, low, high] = found.map((line) => line?.value ?? null);
  if (median === null || low === null || high === null) return null;
  return { median, low, high, n: found[0]?.n ?? null };
}

/**
 * Whether the medians differ, in one sentence; overlapping intervals show no difference.
 * @param {Measure} measure
 * @param {Medians} duo
 * @param {Medians} others
 */
export function impactSentence({ name, more, less }, duo, others) {
  if (duo.low <= others.high && others.low <= duo.high)
    return `${name}: no difference can be shown, because the ranges overlap.`;
  const share = wholePercentFormat.format(Math.abs(duo.median / others.median - 1));
  return `${name}: merge requests of people active with Duo ${duo.median > others.median ? more : less} (by ${share}); their ranges do not overlap. This does not show a cause.`;
}
