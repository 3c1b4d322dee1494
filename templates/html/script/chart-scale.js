// Positions in a chart: days across, values up.

import { isSmallSample, statusOf } from "./metrics.js";

/**
 * @import {Chart, Rows} from "./chart.js"
 * @import {Style} from "./format.js"
 * @import {Line} from "./metrics.js"
 * @typedef {{bottom: number, top: number, ticks: number[]}} Scale `bottom` is above zero where rates would look flat
 */

export const HEIGHT = 140;
export const MARGIN_TOP = 14;
export const AXIS_HEIGHT = 28;
/** Height of the outline for a suppressed part of a stack. */
export const SUPPRESSED_HEIGHT = 10;
/** Slots up to which weekends are shaded and points are dots. More of them would look like a texture. */
export const MAX_DETAILED_SLOTS = 130;

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @returns {Scale}
 */
export function valueScale(chart, rows) {
  if (chart.style === "percent") return rateScale(rows.flat());
  const heights = rows.map((row) => row.map((line) => line?.value ?? 0));
  const highest =
    chart.form === "stacked"
      ? Math.max(...chart.slots.map((_, at) => heights.reduce((sum, row) => sum + row[at], 0)))
      : Math.max(...heights.map((row) => Math.max(...row)));
  const step = niceStep(chart.style, highest / 4);
  // The outline of a suppressed part is not to scale, but needs room.
  const room = chart.form === "stacked" ? SUPPRESSED_HEIGHT / HEIGHT : 0;
  const steps = Math.max(1, Math.ceil((highest / step) * (1 + room)));
  return { bottom: 0, top: steps * step, ticks: Array.from({ length: steps + 1 }, (_, at) => at * step) };
}

/**
 * The scale of a rate shows the range in which it moves, in steps of whole percents. Rates with few cases do not widen it.
 * @param {(Line|undefined)[]} lines
 * @returns {Scale}
 */
export function rateScale(lines) {
  const values = lines.filter(isConnected).map((line) => line?.value ?? 0);
  if (values.length === 0) return { bottom: 0, top: 1, ticks: [0, 0.25, 0.5, 0.75, 1] };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = Math.max(0.01, (high - low) * 0.1);
  const step = [0.01, 0.02, 0.05, 0.1].find((step) => (high - low + 2 * margin) / step <= 4) ?? 0.25;
  // Near zero, the distance to zero is part of the signal.
  const bottom = low - margin < 0.25 * high ? 0 : Math.floor((low - margin) / step);
  const top = Math.min(Math.round(1 / step), Math.ceil((high + margin) / step));
  const ticks = Array.from({ length: top - bottom + 1 }, (_, at) =>
    Number(((bottom + at) * step).toFixed(2)),
  );
  return { bottom: ticks[0], top: ticks[ticks.length - 1], ticks };
}

/**
 * The smallest round step that is at least `min`: 1, 2 or 5 times a power of ten, or a round duration.
 * @param {Style} style
 * @param {number} min
 * @returns {number}
 */
export function niceStep(style, min) {
  const times = [1, 5, 15, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 432000, 864000];
  if (style === "duration")
    return times.find((step) => step >= min) ?? niceStep("plain", min / 86400) * 86400;
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (step * power >= min) return step * power;
}

/**
 * @param {Scale} scale
 * @param {number} value
 */
export function yPosition(scale, value) {
  const share = (value - scale.bottom) / (scale.top - scale.bottom);
  return HEIGHT - HEIGHT * Math.min(1, Math.max(0, share));
}

/**
 * A position in slots as a percentage of the width.
 * @param {Chart} chart
 * @param {number} position
 */
export function xPosition(chart, position) {
  return `${Number(((position / chart.slots.length) * 100).toFixed(3))}%`;
}

/**
 * Whether a value is connected to its neighbors. A rate with few cases would make the line plunge.
 * @param {Line|undefined} line
 */
export function isConnected(line) {
  return statusOf(line) === "value" && !isSmallSample(line);
}
