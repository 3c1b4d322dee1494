// The values of a chart: columns, stacks and lines, and those of the period before.

import {
  HEIGHT,
  isConnected,
  MARGIN_TOP,
  MAX_DETAILED_SLOTS,
  SUPPRESSED_HEIGHT,
  xPosition,
  yPosition,
} from "./chart-scale.js";
import { hasDirectLabels, shortLabel } from "./chart-text.js";
import { svgElement } from "./elements.js";
import { isPart, isSettled, statusOf } from "./metrics.js";

/**
 * @import {Scale} from "./chart-scale.js"
 * @import {Chart, Rows, Statuses} from "./chart.js"
 * @import {Line} from "./metrics.js"
 */

/**
 * Columns on top of each other or stacked. Settled values share a path, and so do those of periods of which some days are
 * missing. Values that may still change are boxes, because stretching would distort their hatching.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Scale} scale
 * @param {SVGElement} stretched
 * @param {SVGElement} svg
 */
export function drawColumns(chart, rows, statuses, scale, stretched, svg) {
  const hasNoGaps = chart.slots.length >= 150;
  const [left, width] = hasNoGaps ? [0, 1] : [0.12, 0.76];
  const stackHeights = chart.slots.map(() => 0);
  chart.layers.forEach((layer, row) => {
    /** @type {string[]} */
    const path = [];
    /** @type {string[]} */
    const parts = [];
    rows[row].forEach((line, at) => {
      if (!line || line.value === null) return;
      const base = chart.form === "stacked" ? stackHeights[at] : 0;
      const bottom = yPosition(scale, base);
      let top = yPosition(scale, base + line.value);
      if (chart.form === "stacked") stackHeights[at] += line.value;
      if (bottom - top < 0.05) return;
      // A hairline separates neighbors of similar shade.
      if (chart.form === "stacked" && bottom - top > 3) top += 1;
      const x = at + left;
      if (isSettled(line) || isPart(line))
        (isPart(line) ? parts : path).push(
          `M${x.toFixed(2)} ${bottom.toFixed(1)}V${top.toFixed(1)}h${width}V${bottom.toFixed(1)}z`,
        );
      else
        svg.append(
          svgElement("rect", {
            class: `open ${layer.tone}`,
            x: xPosition(chart, x),
            y: (MARGIN_TOP + top).toFixed(1),
            width: xPosition(chart, width),
            height: (bottom - top).toFixed(1),
          }),
        );
    });
    stretched.append(svgElement("path", { class: `fill ${layer.tone}`, d: path.join("") }));
    if (parts.length > 0)
      stretched.append(svgElement("path", { class: `fill part ${layer.tone}`, d: parts.join("") }));
  });
  if (chart.form !== "stacked") return;
  // Without an outline for the suppressed part, the stack would look complete. Its fixed size reveals nothing.
  stackHeights.forEach((height, at) => {
    if (!statuses.some((row) => row[at] === "hidden")) return;
    svg.append(
      svgElement("rect", {
        class: "remainder",
        x: xPosition(chart, at + left),
        y: (MARGIN_TOP + yPosition(scale, height) - SUPPRESSED_HEIGHT).toFixed(1),
        width: xPosition(chart, width),
        height: SUPPRESSED_HEIGHT,
      }),
    );
  });
}

/**
 * Points, connected where neighbors have values, dashed where one of them may still change. Rates with few cases are not
 * connected.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Scale} scale
 * @param {SVGElement} stretched
 */
export function drawLines(chart, rows, statuses, scale, stretched) {
  chart.layers.forEach((layer, row) => {
    const paths = {
      stroke: "",
      "stroke dashed": "",
      dots: "",
      "dots small": "",
    };
    /** @type {?{x: number, y: string, settled: boolean}} */
    let before = null;
    rows[row].forEach((line, at) => {
      if (!line || line.value === null) {
        before = null;
        return;
      }
      const x = at + 0.5;
      const y = yPosition(scale, line.value).toFixed(1);
      const settled = isSettled(line);
      if (!isConnected(line)) {
        paths["dots small"] += `M${x} ${y}h.01`;
        before = null;
        return;
      }
      if (before)
        paths[settled && before.settled ? "stroke" : "stroke dashed"] += `M${before.x} ${before.y}L${x} ${y}`;
      const isAlone = !before && !isConnected(rows[row][at + 1]);
      if (chart.slots.length <= MAX_DETAILED_SLOTS || isAlone) paths.dots += `M${x} ${y}h.01`;
      before = { x, y, settled };
    });
    for (const [kind, path] of Object.entries(paths))
      if (path) stretched.append(svgElement("path", { class: `${kind} ${layer.tone}`, d: path }));
  });
}

/**
 * The period before, pale: a stepped line over columns, a line under lines.
 * @param {Chart} chart
 * @param {(Line|undefined)[]} row
 * @param {Scale} scale
 * @param {SVGElement} stretched
 */
export function drawEarlier(chart, row, scale, stretched) {
  const isLine = chart.form === "line";
  let path = "";
  let isJoined = false;
  row.forEach((line, at) => {
    if (!line || line.value === null || (isLine && !isConnected(line))) {
      isJoined = false;
      return;
    }
    const y = yPosition(scale, line.value).toFixed(1);
    if (isLine) path += `${isJoined ? "L" : "M"}${at + 0.5} ${y}`;
    else path += isJoined ? `V${y}h1` : `M${at} ${y}h1`;
    isJoined = true;
  });
  stretched.append(svgElement("path", { class: "stroke earlier", d: path }));
}

/** The least distance between two labels. */
const LABEL_HEIGHT = 14;

/**
 * The names of the layers beside their last values.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Scale} scale
 */
export function directLabels(chart, rows, scale) {
  if (!hasDirectLabels(chart)) return [];
  const at = chart.slots.findLastIndex((_, slot) => rows.every((row) => statusOf(row[slot]) === "value"));
  if (at < 0) return [];
  let base = 0;
  const labels = chart.layers.map((layer, row) => {
    const value = rows[row][at]?.value ?? 0;
    const middle = chart.form === "stacked" ? base + value / 2 : value;
    base += value;
    return { name: shortLabel(layer.name), tone: layer.tone, y: yPosition(scale, middle) };
  });
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((label, place) => {
    if (place > 0) label.y = Math.max(label.y, labels[place - 1].y + LABEL_HEIGHT);
  });
  const excess = Math.max(0, labels[labels.length - 1].y - HEIGHT);
  return labels.map(({ name, tone, y }) =>
    svgElement(
      "text",
      { class: `direct ${tone}`, x: "100%", dx: 8, y: (MARGIN_TOP + y - excess + 4).toFixed(1) },
      name,
    ),
  );
}
