// Merge requests of people with and without Duo.

import { decimalFormat, UNKNOWN } from "./format.js";
import { currentLine, withPeriod } from "./sections.js";
import { maxValue, numberColumn, tableFigure, textCell, textColumn, valueCell } from "./table.js";

/**
 * @import {Style} from "./format.js"
 * @import {Page} from "./sections.js"
 * @import {Cell} from "./table.js"
 */

/**
 * Medians with their intervals.
 * @param {Page} page
 * @param {string} metric
 * @param {string} caption
 * @param {Style} style
 */
export function impactTable(page, metric, caption, style) {
  const groups = [
    { name: "active with Duo", withDuo: "true" },
    { name: "others", withDuo: "false" },
  ].map(({ name, withDuo }) => {
    /** @param {string} stat */
    const line = (stat) => currentLine(page, metric, { with_duo: withDuo, stat });
    return { name, median: line("p50"), low: line("low"), high: line("high") };
  });
  const lines = groups.flatMap(({ median, low, high }) => [low, median, high]);
  if (!lines.some(Boolean)) return null;
  const max = maxValue(lines);
  return tableFigure(
    {
      id: metric.replace(".", "-"),
      caption: withPeriod(page, caption),
      note: "With a 95% confidence interval.",
      columns: [
        textColumn("Authors"),
        { ...numberColumn("Median"), unitOf: "interval" },
        { ...numberColumn("From"), unitOf: "interval" },
        { ...numberColumn("To"), unitOf: "interval" },
        numberColumn("Merge requests"),
      ],
      rows: groups.map(({ name, median, low, high }) => {
        const range = [low, median, high].flatMap((line) => line?.value ?? []).map((value) => value / max);
        /** @type {Cell} */
        const count = {
          kind: "number",
          text: median?.n != null && !median.hidden ? decimalFormat.format(median.n) : UNKNOWN,
        };
        return [
          textCell(name),
          valueCell(median, style, max > 0 && range.length === 3 ? { range } : {}),
          valueCell(low, style, { brief: true }),
          valueCell(high, style, { brief: true }),
          count,
        ];
      }),
    },
    page,
  );
}
