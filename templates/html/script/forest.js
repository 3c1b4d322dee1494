// Values with their intervals on one axis: a forest plot.

import { figureHeading } from "./composition.js";
import { element, svgElement } from "./elements.js";
import { exportActions } from "./export.js";
import { trackShown } from "./filter-notes.js";

/**
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @typedef {{
 *   name: string, note?: string, middle: number, low: number, high: number, text: string, tone?: "main"|"quiet"
 * }} Estimate `text` is the value with its unit
 * @typedef {{
 *   id: string, title: string, note: string, sentence: string, estimates: Estimate[], lines: Line[],
 *   reference?: number, format: (value: number) => string, fromZero?: boolean
 * }} Forest `reference` is where there is no difference
 */

/**
 * @param {Forest} forest
 * @param {Page} page
 */
export function forestFigure(forest, page) {
  const { id, title, note, sentence, estimates, lines } = forest;
  if (estimates.length === 0) return null;
  const heading = figureHeading(id, title, note);
  trackShown(page, heading, lines);
  const axis = forestAxis(forest);
  return element(
    "figure",
    { id, class: "forest" },
    heading,
    sentence && element("p", { class: "finding" }, sentence),
    element(
      "div",
      { class: "rows", role: "list" },
      estimates.map((estimate) =>
        element(
          "div",
          { class: "row", role: "listitem" },
          element(
            "span",
            { class: "name" },
            estimate.name,
            estimate.note && element("small", {}, ` ${estimate.note}`),
          ),
          intervalPlot(estimate, axis, forest.reference),
          element("span", { class: "num" }, estimate.text),
        ),
      ),
      element(
        "div",
        { class: "row axis", "aria-hidden": "true" },
        element("span"),
        axisLabels(axis, forest.format),
      ),
    ),
    exportActions(id, title, null, () => lines, page),
  );
}

/**
 * @typedef {{low: number, high: number, ticks: number[]}} Axis
 * @param {Forest} forest
 * @returns {Axis}
 */
function forestAxis({ estimates, reference, fromZero }) {
  const values = estimates.flatMap(({ low, high }) => [low, high]).concat(reference ?? []);
  const [min, max] = [fromZero ? 0 : Math.min(...values), Math.max(...values)];
  const size = (max - min || max || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(size));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= size) ?? 10) * power;
  const [first, last] = [Math.floor(min / step + 1e-9), Math.ceil(max / step - 1e-9)];
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
  return { low: ticks[0], high: ticks[ticks.length - 1] || 1, ticks };
}

/**
 * A position along the axis as a percentage.
 * @param {Axis} axis
 * @param {number} value
 */
function along({ low, high }, value) {
  return `${(((value - low) / (high - low)) * 100).toFixed(2)}%`;
}

/**
 * @param {Estimate} estimate
 * @param {Axis} axis
 * @param {number|undefined} reference
 */
function intervalPlot({ low, middle, high, tone = "main" }, axis, reference) {
  return svgElement(
    "svg",
    { class: `interval ${tone}`, height: 20, "aria-hidden": "true", focusable: "false" },
    axis.ticks.map((tick) =>
      svgElement("line", { class: "grid", x1: along(axis, tick), x2: along(axis, tick), y1: 0, y2: 20 }),
    ),
    reference !== undefined &&
      svgElement("line", {
        class: "reference",
        x1: along(axis, reference),
        x2: along(axis, reference),
        y1: 0,
        y2: 20,
      }),
    svgElement("line", { class: "span", x1: along(axis, low), x2: along(axis, high), y1: 10, y2: 10 }),
    svgElement("circle", { cx: along(axis, middle), cy: 10, r: 4.5 }),
  );
}

/**
 * @param {Axis} axis
 * @param {(value: number) => string} format
 */
function axisLabels(axis, format) {
  return svgElement(
    "svg",
    { class: "interval", height: 16, focusable: "false" },
    axis.ticks.map((tick, at) =>
      svgElement(
        "text",
        {
          x: along(axis, tick),
          y: 12,
          "text-anchor": at === 0 ? "start" : at === axis.ticks.length - 1 ? "end" : "middle",
        },
        format(tick),
      ),
    ),
  );
}

/** The normal quantile of a 95% interval. */
const QUANTILE = 1.96;

/**
 * Wilson's 95% interval of a share.
 * @param {number} n
 * @param {number} of
 * @returns {[number, number]}
 */
export function shareInterval(n, of) {
  const [share, square] = [n / of, QUANTILE ** 2];
  const middle = (share + square / (2 * of)) / (1 + square / of);
  const half =
    (QUANTILE * Math.sqrt((share * (1 - share)) / of + square / (4 * of * of))) / (1 + square / of);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
