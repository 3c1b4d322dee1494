// The axes of a chart, and what is marked along the time axis.

import { HEIGHT, MARGIN_TOP, MAX_DETAILED_SLOTS, xPosition, yPosition } from "./chart-scale.js";
import { svgElement } from "./elements.js";
import {
  durationUnit,
  formatDuration,
  FORMATTERS,
  shortDay,
  shortMonthFormat,
  shortMonthYearFormat,
  wholePercentFormat,
} from "./format.js";
import { addMonths } from "./metrics.js";

/**
 * @import {Scale} from "./chart-scale.js"
 * @import {Chart, Statuses} from "./chart.js"
 * @import {Style} from "./format.js"
 * @import {Period} from "./metrics.js"
 */

/**
 * @param {Chart} chart
 * @param {Scale} scale
 */
export function gridLines(chart, scale) {
  return scale.ticks.flatMap((tick) => {
    const y = (MARGIN_TOP + yPosition(scale, tick)).toFixed(1);
    return [
      svgElement("line", {
        class: tick === 0 ? "base" : "grid",
        x1: 0,
        x2: "100%",
        y1: y,
        y2: y,
      }),
      svgElement(
        "text",
        { class: "y", x: -8, y: Number(y) + 4 },
        tickLabel(chart.style, tick, scale.ticks[1]),
      ),
    ];
  });
}

/**
 * The label of a tick. All durations on an axis have the unit of the first step; zero has none.
 * @param {Style} style
 * @param {number} tick
 * @param {number} step
 */
function tickLabel(style, tick, step) {
  if (style === "percent") return wholePercentFormat.format(tick);
  if (style !== "duration") return FORMATTERS[style](tick);
  return tick === 0 ? "0" : formatDuration(durationUnit(step), tick);
}

/** @param {string} day */
function isWeekend(day) {
  return [0, 6].includes(new Date(day).getUTCDay());
}

/** @param {Chart} chart */
export function hasWeekendBands(chart) {
  return (
    chart.slots[0].grain === "day" &&
    chart.slots.length <= MAX_DETAILED_SLOTS &&
    chart.slots.some((slot) => isWeekend(slot.start))
  );
}

/** @param {Chart} chart */
export function weekendBands(chart) {
  if (!hasWeekendBands(chart)) return [];
  return trueRuns(chart.slots.map((slot) => isWeekend(slot.start))).map(([at, length]) =>
    svgElement("rect", {
      class: "weekend",
      x: xPosition(chart, at),
      y: MARGIN_TOP,
      width: xPosition(chart, length),
      height: HEIGHT,
    }),
  );
}

/**
 * The start and the length of every run of true flags.
 * @param {boolean[]} flags
 */
function trueRuns(flags) {
  /** @type {[number, number][]} */
  const runs = [];
  flags.forEach((flag, at) => {
    if (!flag) return;
    const last = runs[runs.length - 1];
    if (last && last[0] + last[1] === at) last[1] += 1;
    else runs.push([at, 1]);
  });
  return runs;
}

/**
 * A strip below the base line that marks slots without a value, so that none of them looks like zero.
 * @param {Chart} chart
 * @param {Statuses} statuses
 */
export function gapStrip(chart, statuses) {
  return ["missing", "hidden", "unknown"].flatMap((status) =>
    trueRuns(chart.slots.map((_, at) => statuses.some((row) => row[at] === status))).map(([at, length]) =>
      svgElement("rect", {
        class: status,
        x: xPosition(chart, at + 0.06),
        y: MARGIN_TOP + HEIGHT + 2.5,
        width: xPosition(chart, length - 0.12),
        height: 4,
      }),
    ),
  );
}

/**
 * The slots of the selected period, each run as its position and length; none if the chart shows nothing else.
 * @param {Chart} chart
 */
export function selectedRuns({ slots, selected }) {
  if (!selected) return [];
  const runs = trueRuns(slots.map((slot) => slot.start <= selected.end && slot.end >= selected.start));
  return runs.filter(([, length]) => length < slots.length);
}

/**
 * A band above the chart that marks the selected period.
 * @param {Chart} chart
 */
export function selectedPeriodBand(chart) {
  return selectedRuns(chart).map(([at, length]) =>
    svgElement("rect", {
      class: "chosen",
      x: xPosition(chart, at + 0.06),
      y: 4,
      width: xPosition(chart, length - 0.12),
      height: 2,
    }),
  );
}

/** @param {Chart} chart */
export function sourceChangeMarkers(chart) {
  return chart.changes.flatMap(({ day }) => {
    const at = chart.slots.findIndex((slot) => slot.start <= day && slot.end >= day);
    return at < 0
      ? []
      : [
          svgElement("line", {
            class: "change",
            x1: xPosition(chart, at),
            x2: xPosition(chart, at),
            y1: MARGIN_TOP - 6,
            y2: MARGIN_TOP + HEIGHT,
          }),
        ];
  });
}

/** @param {Chart} chart */
export function timeLabels(chart) {
  const { slots } = chart;
  const grain = slots[0].grain;
  const byMonth =
    grain === "month" || (grain === "day" && slots.length > 75) || (grain === "week" && slots.length > 14);
  /** @param {Period} slot */
  const firstOfMonth = (slot) => {
    const first = slot.start.endsWith("-01") ? slot.start : addMonths(slot.start, 1);
    return first <= slot.end ? first : undefined;
  };
  /** @type {(slot: Period, at: number) => boolean} */
  const isTick = (slot, at) =>
    slots.length <= 8 ||
    (byMonth
      ? firstOfMonth(slot) !== undefined && !(grain === "week" && at === 0)
      : grain !== "day" || new Date(slot.start).getUTCDay() === 1);
  const ticks = slots.flatMap((slot, at) => (isTick(slot, at) ? [at] : []));
  // About ten labels fit on a wide page, and about four on a narrow one.
  const wide = Math.max(1, Math.ceil(ticks.length / 11));
  const narrow = Math.ceil(Math.max(1, Math.ceil(ticks.length / 4)) / wide) * wide;
  let year = "";
  let narrowYear = "";
  return ticks.flatMap((at, place) => {
    // A label at the right edge would be cut off, and a month that only the last week reaches has no data of its own.
    const isLast = at > slots.length * 0.97 || (grain === "week" && at === slots.length - 1);
    if (place % wide !== 0 || (byMonth && isLast && slots.length > 8)) return [];
    const day = (byMonth && firstOfMonth(slots[at])) || slots[at].start;
    const onlyWide = place % narrow !== 0;
    const hasYear = day.slice(0, 4) !== year || (!onlyWide && day.slice(0, 4) !== narrowYear);
    year = day.slice(0, 4);
    if (!onlyWide) narrowYear = year;
    const label = byMonth
      ? (hasYear ? shortMonthYearFormat : shortMonthFormat).format(new Date(day))
      : shortDay(day);
    // A centered first label would be cut off at the left edge.
    const starts = byMonth ? slots.length > 8 : at === 0 && slots.length > 8;
    const x = xPosition(chart, starts ? at : at + 0.5);
    const only = onlyWide ? " wide" : "";
    return [
      svgElement("line", {
        class: `tick${only}`,
        x1: x,
        x2: x,
        y1: MARGIN_TOP + HEIGHT + 1,
        y2: MARGIN_TOP + HEIGHT + 8,
      }),
      svgElement(
        "text",
        {
          class: `x${only}`,
          x,
          y: MARGIN_TOP + HEIGHT + 22,
          "text-anchor": starts ? "start" : "middle",
        },
        label,
      ),
    ];
  });
}
