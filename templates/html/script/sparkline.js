// A small line without axes, in a tile.

import { isConnected } from "./chart-scale.js";
import { svgElement } from "./elements.js";

/**
 * @import {Style} from "./format.js"
 * @import {Line} from "./metrics.js"
 */

/**
 * A small line without axes, with gaps.
 * @param {(Line|undefined)[]} lines
 * @param {Style} style
 */
export function sparkline(lines, style) {
  const values = lines.flatMap((line) => line?.value ?? []);
  // Between suppressed days, zeros alone have no shape.
  if (values.length < 2 || values.every((value) => value === 0)) return null;
  const highest = style === "percent" ? 1 : Math.max(...values);
  const paths = { stroke: "", small: "" };
  let isJoined = false;
  lines.forEach((line, at) => {
    if (!line || line.value === null) {
      isJoined = false;
      return;
    }
    const point = `${at + 0.5} ${(34 - (32 * line.value) / highest).toFixed(1)}`;
    if (isConnected(line)) paths.stroke += isJoined ? `L${point}` : `M${point}h.01`;
    else paths.small += `M${point}h.01`;
    isJoined = isConnected(line);
  });
  return svgElement(
    "svg",
    {
      class: "spark",
      "aria-hidden": "true",
      focusable: "false",
      height: 36,
      viewBox: `0 0 ${lines.length} 36`,
      preserveAspectRatio: "none",
    },
    Object.entries(paths).map(([kind, d]) => d && svgElement("path", { class: kind, d })),
  );
}
