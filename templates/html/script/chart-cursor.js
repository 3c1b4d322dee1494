// The cursor of a chart: by pointer, tap or key it shows the values of a slot; dragged, it selects a range of days.

import { HEIGHT, MARGIN_TOP, xPosition } from "./chart-scale.js";
import { tooltipText } from "./chart-text.js";
import { element, svgElement } from "./elements.js";

/**
 * @import {Tooltip} from "./chart-text.js"
 * @import {Chart} from "./chart.js"
 * @import {Page} from "./sections.js"
 * @typedef {{
 *   plot: HTMLElement, area: HTMLElement, svg: SVGElement, chart: Chart, page: Page, lines: (at: number) => Tooltip
 * }} Target `lines` is the tooltip of a slot
 */

/** Hides the open tooltip: there is at most one. */
let hideTooltip = () => {};

/** @param {Event} event */
function hideOutside({ target }) {
  if (!(target instanceof Element && target.closest(".area"))) hideTooltip();
}

/**
 * Moves the cursor with the pointer, with taps and with keys, and shows the tooltip of its slot.
 * @param {Target} target
 */
export function attachCursor({ plot, area, svg, chart, page, lines }) {
  // The same listener is added only once.
  document.addEventListener("pointerdown", hideOutside);
  const cursor = svgElement("rect", { class: "cursor", y: MARGIN_TOP, height: HEIGHT, visibility: "hidden" });
  const tip = element("div", { class: "tip", hidden: true });
  svg.append(cursor);
  area.append(tip);
  const last = chart.slots.length - 1;
  let at = last;
  /** The slot at which a range starts; null without one. */
  let start = /** @type {?number} */ (null);
  /** @param {number} to */
  const show = (to) => {
    if (hideTooltip !== hide) hideTooltip();
    hideTooltip = hide;
    at = Math.min(last, Math.max(0, to));
    const [low, high] = start === null ? [at, at] : [Math.min(start, at), Math.max(start, at)];
    cursor.setAttribute("x", xPosition(chart, low));
    cursor.setAttribute("width", xPosition(chart, high - low + 1));
    cursor.setAttribute("visibility", "visible");
    const tooltip = lines(at);
    tip.replaceChildren(
      element("strong", {}, tooltip.title),
      ...tooltip.lines.map(({ text, note, tone }) =>
        element(
          "span",
          { class: "tip-line" },
          tone && element("i", { class: `key-${tone}` }),
          element("span", {}, text, note && element("small", {}, note)),
        ),
      ),
    );
    tip.hidden = false;
    positionTooltip(tip, area, (at + 0.5) / chart.slots.length);
    plot.setAttribute("aria-valuenow", String(at + 1));
    plot.setAttribute("aria-valuetext", tooltipText(tooltip));
  };
  const hide = () => {
    start = null;
    cursor.setAttribute("visibility", "hidden");
    tip.hidden = true;
  };
  /** Shows the days from the start of the range to the cursor in all charts. */
  const select = () => {
    if (start === null || start === at) return;
    const [from, to] = [chart.slots[Math.min(start, at)], chart.slots[Math.max(start, at)]];
    page.change("span", `${from.start}..${to.end}`);
  };
  /** @param {PointerEvent} event */
  const slotOf = (event) => {
    const box = area.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * chart.slots.length);
  };
  area.addEventListener("pointerdown", (event) => {
    start = null;
    show(slotOf(event));
    // A finger scrolls the page; a mouse or pen selects.
    if (event.pointerType === "touch") return;
    start = at;
    area.setPointerCapture?.(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => show(slotOf(event)));
  area.addEventListener("pointerup", () => {
    select();
    start = null;
  });
  // A lifted finger also leaves the area: the tooltip stays until the next tap.
  area.addEventListener("pointerleave", (event) => event.pointerType === "touch" || hide());
  area.addEventListener("pointercancel", hide);
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && show(at));
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const jump = Math.max(1, Math.round(chart.slots.length / 10));
    /** @type {Record<string, number>} */
    const targets = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      PageDown: at - jump,
      PageUp: at + jump,
      Home: 0,
      End: last,
    };
    if (event.key === "Escape") hide();
    if (event.key === "Enter") select();
    if (targets[event.key] === undefined) return;
    event.preventDefault();
    start = event.shiftKey ? (start ?? at) : null;
    show(targets[event.key]);
  });
}

/**
 * Places the tooltip next to its slot, within the window.
 * @param {HTMLElement} tip
 * @param {HTMLElement} area
 * @param {number} middle the middle of the slot as a share of the width
 */
function positionTooltip(tip, area, middle) {
  const box = area.getBoundingClientRect();
  const width = tip.offsetWidth;
  const left = box.left + middle * box.width - (middle < 0.5 ? 0 : width);
  const margin = 8;
  const max = document.documentElement.clientWidth - width - margin;
  tip.style.left = `${(Math.max(margin, Math.min(left, max)) - box.left).toFixed(1)}px`;
}
