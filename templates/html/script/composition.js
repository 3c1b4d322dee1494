// One bar that is divided into parts, with a label for each; and a bar of something used of something available.

import { suppressedText } from "./chart-text.js";
import { element, svgElement } from "./elements.js";
import { exportActions } from "./export.js";
import { trackShown } from "./filter-notes.js";
import { FORMATTERS, wholePercentFormat } from "./format.js";
import { percentOf } from "./table.js";

/**
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @typedef {{name: string, value: number, tone: string, note?: string}} Part
 * @typedef {{id: string, title: string, note: string, parts: Part[], lines: Line[], foot?: Node|string|null,
 *   whole?: ?number}} Composition `lines` are those that the parts come from; `whole` is what all parts add up to, if some
 *   are suppressed, and null if it is not known either
 */

/**
 * A figure of parts that add up; null without any.
 * @param {Composition} composition
 * @param {Page} page
 */
export function compositionFigure({ id, title, note, parts, lines, foot, whole }, page) {
  const known = parts.reduce((sum, { value }) => sum + value, 0);
  if (known <= 0) return null;
  const total = whole ?? known;
  const heading = figureHeading(id, title, note);
  trackShown(page, heading, lines);
  let x = 0;
  const bars = parts.map(({ value, tone }) => {
    const width = percentOf(value / total);
    const bar = svgElement("rect", { class: `fill ${tone}`, x, width: Math.max(0, width - 0.2), height: 10 });
    x += width;
    return bar;
  });
  // The track remains visible in the place of the suppressed parts.
  if (total > known) bars.unshift(svgElement("rect", { class: "track", x: 0, width: 100, height: 10 }));
  /** @param {number} value */
  const share = (value) => (whole === null ? "" : wholePercentFormat.format(value / total));
  return element(
    "figure",
    { id, class: "composed" },
    heading,
    wideBar(bars),
    element(
      "ul",
      { class: "parts-of" },
      parts.map(({ name, value, tone, note: extra }) =>
        element(
          "li",
          {},
          element("i", { class: `key-${tone}` }),
          element("span", {}, name),
          element("strong", {}, FORMATTERS.plain(value)),
          element("small", {}, [share(value), extra].filter(Boolean).join(", ")),
        ),
      ),
      total > known && element("li", {}, element("i", { class: "key-hidden-part" }), suppressedText(page)),
    ),
    foot && element("p", { class: "note" }, foot),
    exportActions(id, title, null, () => lines, page),
  );
}

/**
 * @param {string} id
 * @param {string} title
 * @param {string} note
 */
export function figureHeading(id, title, note) {
  return element(
    "figcaption",
    {},
    element("h4", { id: `${id}-title` }, title),
    note && element("p", { class: "note" }, note),
  );
}

/** @param {(SVGElement|null|false)[]} content in a box of 100 by 10 */
export function wideBar(content) {
  return svgElement(
    "svg",
    {
      class: "whole-bar",
      "aria-hidden": "true",
      focusable: "false",
      viewBox: "0 0 100 10",
      preserveAspectRatio: "none",
    },
    content,
  );
}
