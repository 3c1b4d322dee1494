// Charts over time as SVG: a true time axis, gaps where there is no data, and one axis of values that starts at zero.
//
// A chart is as wide as its container. Positions along the time axis are percentages, and paths are in an inner SVG that
// is stretched: text is never scaled, and a resize needs no new rendering. Colors and print come from the style sheet.

import { element, svgElement } from "./elements.js";
import { trackShown } from "./filter-notes.js";
import {
  capitalize,
  details,
  durationUnit,
  formatDuration,
  FORMATTERS,
  longDay,
  periodName,
  pluralize,
  reasonText,
  shortDay,
  shortMonthFormat,
  shortMonthYearFormat,
  valueText,
  wholePercentFormat,
} from "./format.js";
import { addMonths, isImported, isSettled, isSmallSample, MIN_SAMPLE, statusOf } from "./metrics.js";
import { dateCell, exportActions, numberColumn, tableRegion, textColumn, valueCell } from "./table.js";

/**
 * @import {Style} from "./format.js"
 * @import {Line, Period, Status} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @typedef {{name: string, tone: string, line: (slot: Period) => Line|undefined}} Layer `tone` is its color in the style sheet
 * @typedef {{
 *   id: string, title: string, note: string, style: Style, form: "columns"|"stacked"|"line", slots: Period[],
 *   layers: Layer[], selected: ?Period, changes: {day: string, to: string}[]
 * }} Chart `slots` are the periods on the time axis, `changes` the days on which the source changed
 * @typedef {(Line|undefined)[][]} Rows a line or nothing for each layer and slot
 * @typedef {Status[][]} Statuses
 * @typedef {{top: number, ticks: number[]}} Scale
 */

const HEIGHT = 168;
const MARGIN_TOP = 14;
const AXIS_HEIGHT = 28;
/** Height of the outline for a suppressed part of a stack. */
const SUPPRESSED_HEIGHT = 10;
/** Slots up to which weekends are shaded and points are dots. More of them would look like a texture. */
const MAX_DETAILED_SLOTS = 130;

/**
 * The statuses of a layer. A day without a line between days with imported events may have had no events: it is `silent`
 * rather than `missing`.
 * @param {(Line|undefined)[]} row
 * @returns {Status[]}
 */
function slotStatuses(row) {
  /** @param {Line|undefined} line */
  const hasImported = (line) => line !== undefined && line.imported > 0;
  const [first, last] = [row.findIndex(hasImported), row.findLastIndex(hasImported)];
  return row.map((line, at) => {
    const status = statusOf(line);
    return status === "missing" && first < at && at < last && first >= 0 ? "silent" : status;
  });
}

/** @param {Rows} rows */
function missingText(rows) {
  return rows.flat().some((line) => line && line.imported > 0) ? "no imported events" : "not collected";
}

/** @param {Page} page */
function suppressedText(page) {
  return `suppressed (fewer than ${page.small} people)`;
}

/**
 * A chart with its title, its legend and its values as a table and as CSV.
 * @param {Chart} chart
 * @param {Page} page
 */
export function chartFigure(chart, page) {
  const rows = chart.layers.map((layer) => chart.slots.map((slot) => layer.line(slot)));
  const statuses = rows.map(slotStatuses);
  const heading = element(
    "figcaption",
    {},
    element("h3", { id: `${chart.id}-title` }, chart.title),
    element("p", { class: "note" }, chart.note),
  );
  if (!statuses.flat().includes("value")) {
    const unknown = rows.flat().find((line) => line?.reason && statusOf(line) === "unknown");
    const text = statuses.flat().includes("hidden")
      ? `All values are ${suppressedText(page)}.`
      : unknown
        ? `No values: ${reasonText(unknown)}.`
        : "No values for these days.";
    return element("figure", { id: chart.id }, heading, element("p", { class: "nothing" }, text));
  }
  const description = element(
    "p",
    { class: "for", id: `${chart.id}-text` },
    describeChart(chart, rows, statuses, page),
  );
  trackShown(page, heading, rows.flat(), ["period"]);
  const few = chart.slots.length < 12 ? ` few few-${chart.slots.length}` : "";
  return element(
    "figure",
    { id: chart.id, class: `timed ${chart.style}${few}` },
    heading,
    renderLegend(chart, rows, statuses, page),
    renderPlot(chart, rows, statuses, page),
    description,
    exportActions(
      chart.id,
      chart.title,
      () => chartTable(chart, rows, page),
      () => rows.flat().filter((line) => line !== undefined),
      page,
    ),
  );
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Page} page
 */
function renderPlot(chart, rows, statuses, page) {
  const svg = svgElement("svg", {
    class: "chart",
    height: MARGIN_TOP + HEIGHT + AXIS_HEIGHT,
    "aria-hidden": "true",
    focusable: "false",
  });
  const scale = valueScale(chart, rows);
  svg.append(...weekendBands(chart), ...gridLines(chart, scale));
  const stretched = svgElement("svg", {
    y: MARGIN_TOP,
    width: "100%",
    height: HEIGHT,
    viewBox: `0 0 ${chart.slots.length} ${HEIGHT}`,
    preserveAspectRatio: "none",
  });
  svg.append(stretched);
  if (chart.form === "line") drawLines(chart, rows, statuses, scale, stretched);
  else drawColumns(chart, rows, statuses, scale, stretched, svg);
  svg.append(
    ...gapStrip(chart, statuses),
    ...timeLabels(chart),
    ...selectedPeriodBand(chart),
    ...sourceChangeMarkers(chart),
  );
  const cursor = svgElement("rect", {
    class: "cursor",
    y: MARGIN_TOP,
    height: HEIGHT,
    width: xPosition(chart, 1),
    visibility: "hidden",
  });
  svg.append(cursor);
  const tip = element("div", { class: "tip", hidden: true });
  const area = element("div", { class: "area" }, svg, tip);
  const plot = element(
    "div",
    {
      class: "plot",
      role: "slider",
      tabindex: "0",
      "aria-label": chart.title,
      "aria-describedby": `${chart.id}-text`,
      "aria-valuemin": "1",
      "aria-valuemax": String(chart.slots.length),
      "aria-valuenow": String(chart.slots.length),
      "aria-valuetext": tooltipText(tooltipLines(chart, rows, chart.slots.length - 1, page)),
    },
    area,
  );
  attachCursor(plot, area, cursor, tip, chart, rows, page);
  return plot;
}

/** Hides the open tooltip: there is at most one. */
let hideTooltip = () => {};

document.addEventListener("pointerdown", ({ target }) => {
  if (!(target instanceof Element && target.closest(".area"))) hideTooltip();
});

/**
 * Moves the cursor with the pointer, with taps and with keys, and shows the tooltip of its slot.
 * @param {HTMLElement} plot
 * @param {HTMLElement} area
 * @param {SVGElement} cursor
 * @param {HTMLElement} tip
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Page} page
 */
function attachCursor(plot, area, cursor, tip, chart, rows, page) {
  const last = chart.slots.length - 1;
  let at = last;
  /** @param {number} to */
  const show = (to) => {
    if (hideTooltip !== hide) hideTooltip();
    hideTooltip = hide;
    at = Math.min(last, Math.max(0, to));
    cursor.setAttribute("x", xPosition(chart, at));
    cursor.setAttribute("visibility", "visible");
    const tooltip = tooltipLines(chart, rows, at, page);
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
    cursor.setAttribute("visibility", "hidden");
    tip.hidden = true;
  };
  /** @param {PointerEvent} event */
  const point = (event) => {
    const box = area.getBoundingClientRect();
    show(Math.floor(((event.clientX - box.left) / box.width) * chart.slots.length));
  };
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointermove", point);
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
    if (targets[event.key] === undefined) return;
    event.preventDefault();
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

/**
 * @typedef {{title: string, lines: {text: string, note: string, tone: string}[]}} Tooltip
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {number} at
 * @param {Page} page
 * @returns {Tooltip}
 */
function tooltipLines(chart, rows, at, page) {
  const slot = chart.slots[at];
  const lines = chart.layers.map((layer, row) => {
    const line = rows[row][at];
    const hasReason = line && line.value === null && !line.hidden;
    const value = !line
      ? missingText(rows)
      : hasReason
        ? reasonText(line)
        : valueText(line, chart.style, page.small);
    return {
      text: `${shortLabel(layer.name)}: ${value}`,
      note: line && !hasReason ? details(line, chart.style).join(", ") : "",
      tone: chart.layers.length > 1 ? layer.tone : "",
    };
  });
  const change = chart.changes.find(({ day }) => day >= slot.start && day <= slot.end);
  if (change) lines.push({ text: `Source from ${longDay(change.day)}: ${change.to}`, note: "", tone: "" });
  return { title: periodName(slot), lines };
}

/** @param {Tooltip} tooltip */
function tooltipText({ title, lines }) {
  return [title, ...lines.map(({ text, note }) => [text, note].filter(Boolean).join(", "))].join("; ");
}

/**
 * The label without the explanation after its colon, which is in the legend.
 * @param {string} label
 */
function shortLabel(label) {
  return label.split(": ")[0];
}

/**
 * The chart in a few sentences, for screen readers.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Page} page
 */
function describeChart(chart, rows, statuses, page) {
  const { grain } = chart.slots[0];
  const [one, many] = grain === "window" ? ["period", "periods"] : [grain, `${grain}s`];
  /** @param {number} slots */
  const count = (slots) => pluralize(slots, one, many);
  const { start } = chart.slots[0];
  const { end } = chart.slots[chart.slots.length - 1];
  const texts = [`${count(chart.slots.length)}, ${longDay(start)} to ${longDay(end)} (UTC).`];
  chart.layers.forEach((layer, row) => {
    const values = rows[row].flatMap((line) =>
      line && line.value !== null && !line.hidden ? [{ value: line.value, period: line.period }] : [],
    );
    if (values.length === 0) return texts.push(`${shortLabel(layer.name)}: no values.`);
    const sorted = [...values].sort((a, b) => a.value - b.value);
    /** @type {(known: {value: number, period: Period}) => string} */
    const describe = ({ value, period }) => `${FORMATTERS[chart.style](value)} (${periodName(period)})`;
    const [lowest, highest, last] = [sorted[0], sorted[sorted.length - 1], values[values.length - 1]];
    texts.push(
      `${shortLabel(layer.name)}: lowest ${describe(lowest)}, highest ${describe(highest)}, last ${describe(last)}.`,
    );
  });
  for (const [status, text] of [
    ["missing", missingText(rows)],
    ["hidden", suppressedText(page)],
  ]) {
    const slots = chart.slots.filter((_, at) => statuses.some((row) => row[at] === status)).length;
    if (slots > 0) texts.push(`${capitalize(text)}: ${count(slots)}.`);
  }
  for (const { day, to } of chart.changes) texts.push(`The source changed to ${to} on ${longDay(day)}.`);
  return texts.join(" ");
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Page} page
 */
function renderLegend(chart, rows, statuses, page) {
  const items = chart.layers.length > 1 ? chart.layers.map((layer) => [`key-${layer.tone}`, layer.name]) : [];
  /** @param {Status} status */
  const has = (status) => statuses.flat().includes(status);
  const lines = rows.flat().filter((line) => line !== undefined);
  const known = lines.filter((line) => statusOf(line) === "value");
  if (known.some((line) => !isSettled(line)))
    items.push([chart.form === "line" ? "key-dashed" : "key-open", "partly collected, or may still change"]);
  if (chart.form === "line" && known.some(isSmallSample))
    items.push(["key-small", `fewer than ${MIN_SAMPLE} cases`]);
  if (known.some(isImported)) items.push(["", "from imported events, completeness unknown"]);
  if (has("missing")) items.push(["key-missing", missingText(rows)]);
  if (has("hidden"))
    items.push(["key-hidden", `${suppressedText(page)}${chart.form === "stacked" ? ", not to scale" : ""}`]);
  const unknown = lines.find((line) => statusOf(line) === "unknown");
  if (unknown) items.push(["key-unknown", reasonText(unknown)]);
  if (chart.changes.length > 0) items.push(["key-change", "source changed"]);
  if (hasWeekendBands(chart)) items.push(["key-weekend", "weekend"]);
  return element(
    "ul",
    { class: "legend" },
    items.map(([key, text]) => element("li", {}, key && element("i", { class: key }), text)),
  );
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Page} page
 */
function chartTable(chart, rows, page) {
  const { grain } = chart.slots[0];
  const heading = { day: "Day (UTC)", week: "Week of", month: "Month", window: "Period" }[grain];
  return tableRegion(
    {
      id: `${chart.id}-table`,
      caption: chart.title,
      columns: [textColumn(heading), ...chart.layers.map((layer) => numberColumn(shortLabel(layer.name)))],
      rows: chart.slots
        .map((slot, at) => [
          dateCell(slot.grain === "week" ? longDay(slot.start) : periodName(slot)),
          ...chart.layers.map((_, row) => valueCell(rows[row][at], chart.style)),
        ])
        .reverse(),
    },
    page,
  );
}

/**
 * @param {Chart} chart
 * @param {Rows} rows
 * @returns {Scale}
 */
function valueScale(chart, rows) {
  if (chart.style === "percent") return { top: 1, ticks: [0, 0.25, 0.5, 0.75, 1] };
  const heights = rows.map((row) => row.map((line) => line?.value ?? 0));
  const highest =
    chart.form === "stacked"
      ? Math.max(...chart.slots.map((_, at) => heights.reduce((sum, row) => sum + row[at], 0)))
      : Math.max(...heights.map((row) => Math.max(...row)));
  const step = niceStep(chart.style, highest / 4);
  // The outline of a suppressed part is not to scale, but needs room.
  const room = chart.form === "stacked" ? SUPPRESSED_HEIGHT / HEIGHT : 0;
  const steps = Math.max(1, Math.ceil((highest / step) * (1 + room)));
  return {
    top: steps * step,
    ticks: Array.from({ length: steps + 1 }, (_, at) => at * step),
  };
}

/**
 * The smallest round step that is at least `min`: 1, 2 or 5 times a power of ten, or a round duration.
 * @param {Style} style
 * @param {number} min
 * @returns {number}
 */
function niceStep(style, min) {
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
function yPosition(scale, value) {
  return HEIGHT - HEIGHT * Math.min(1, Math.max(0, value / scale.top));
}

/**
 * A position in slots as a percentage of the width.
 * @param {Chart} chart
 * @param {number} position
 */
function xPosition(chart, position) {
  return `${Number(((position / chart.slots.length) * 100).toFixed(3))}%`;
}

/**
 * @param {Chart} chart
 * @param {Scale} scale
 */
function gridLines(chart, scale) {
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

/**
 * Columns side by side or stacked. Settled values share a path. Others are boxes, because stretching would distort their
 * hatching.
 * @param {Chart} chart
 * @param {Rows} rows
 * @param {Statuses} statuses
 * @param {Scale} scale
 * @param {SVGElement} stretched
 * @param {SVGElement} svg
 */
function drawColumns(chart, rows, statuses, scale, stretched, svg) {
  const hasNoGaps = chart.slots.length >= 150;
  const [left, width] = hasNoGaps ? [0, 1] : [0.12, 0.76];
  const stackHeights = chart.slots.map(() => 0);
  chart.layers.forEach((layer, row) => {
    let path = "";
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
      if (isSettled(line))
        path += `M${x.toFixed(2)} ${bottom.toFixed(1)}V${top.toFixed(1)}h${width}V${bottom.toFixed(1)}z`;
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
    stretched.append(svgElement("path", { class: `fill ${layer.tone}`, d: path }));
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
function drawLines(chart, rows, statuses, scale, stretched) {
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
 * Whether a value is connected to its neighbors. A rate with few cases would make the line plunge.
 * @param {Line|undefined} line
 */
function isConnected(line) {
  return statusOf(line) === "value" && !isSmallSample(line);
}

/** @param {string} day */
function isWeekend(day) {
  return [0, 6].includes(new Date(day).getUTCDay());
}

/** @param {Chart} chart */
function hasWeekendBands(chart) {
  return (
    chart.slots[0].grain === "day" &&
    chart.slots.length <= MAX_DETAILED_SLOTS &&
    chart.slots.some((slot) => isWeekend(slot.start))
  );
}

/** @param {Chart} chart */
function weekendBands(chart) {
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
function gapStrip(chart, statuses) {
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
 * A band above the chart that marks the selected period.
 * @param {Chart} chart
 */
function selectedPeriodBand(chart) {
  const { selected } = chart;
  if (!selected) return [];
  return trueRuns(chart.slots.map((slot) => slot.start <= selected.end && slot.end >= selected.start))
    .filter(([, length]) => length < chart.slots.length)
    .map(([at, length]) =>
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
function sourceChangeMarkers(chart) {
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
function timeLabels(chart) {
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
