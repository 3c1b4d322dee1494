// Charts over time as SVG: true time axis, gaps where nothing is known, one axis of values that starts at zero.
//
// A chart is as wide as its place: positions along the time axis are percentages, and what has to be a path lies in an
// inner drawing that is stretched. So text is never scaled, nothing is drawn anew when the window changes, colours and
// print come from the style sheet.

import { drawn, element } from "./elements.js";
import { SMALL_N, isImported, isSettled, isSmall, markOf, plusMonths } from "./figures.js";
import { markShown } from "./filter-notes.js";
import { actions, date, figure, numbers, tableRegion, words } from "./table.js";
import {
  REASONS,
  STYLES,
  UNKNOWN,
  capital,
  counted,
  durationIn,
  longDay,
  periodName,
  remarks,
  shortDay,
  shortMonthFormat,
  shortMonthYearFormat,
  unitOf,
  valueText,
  wholePercent,
} from "./words.js";

/** @import {Period, Line} from "./figures.js" */

/**
 * @typedef {{name: string, tone: string, series: (period: Period) => Line|undefined}} Layer what is drawn, and its tone in the style sheet
 * @typedef {{
 *   id: string, title: string, note: string, style: "plain"|"percent"|"duration"|"days",
 *   form: "columns"|"stacked"|"line", slots: Period[], layers: Layer[], chosen: ?Period, changes: {day: string, to: string}[]
 * }} Chart
 */

const HEIGHT = 168;
const TOP = 14;
const BELOW = 28;
/** Height of the outline that stands for what is not shown of a stack. */
const REMAINDER = 10;
/** Slots up to which weekends are shaded and points are dots; beyond, they would be a texture. */
const FINE_SLOTS = 130;

/** The marks of a layer. Between days with imported events, one without may have had none, so it is not `missing`. */
function marksOf(row) {
  const marks = row.map(markOf);
  const isFrom = (line) => line?.imported > 0;
  const [first, last] = [row.findIndex(isFrom), row.findLastIndex(isFrom)];
  return marks.map((mark, at) =>
    mark === "missing" && first < at && at < last && first >= 0 ? "silent" : mark,
  );
}

/** What stands for a slot without a line. */
function nothingThere(rows) {
  return rows.flat().some((line) => line?.imported > 0) ? "no imported events" : "not collected";
}

/** The figure: title, legend, drawing, and the same numbers as a table and as CSV. */
export function chartFigure(chart, page) {
  const rows = chart.layers.map((layer) => chart.slots.map((slot) => layer.series(slot)));
  const marks = rows.map(marksOf);
  const heading = element(
    "figcaption",
    {},
    element("h3", { id: `${chart.id}-title` }, chart.title),
    element("p", { class: "note" }, chart.note),
  );
  if (!marks.flat().includes("value")) {
    const hidden = marks.flat().includes("hidden");
    const why = rows.flat().find((line) => line?.reason && markOf(line) === "unknown");
    const words = hidden
      ? "So few people are behind these numbers that all of them are hidden."
      : why
        ? `Not known: ${REASONS[why.reason]}.`
        : "No value is known for any of these days.";
    return element(
      "figure",
      { id: chart.id },
      heading,
      element("p", { class: "nothing" }, `Nothing to draw. ${words}`),
    );
  }
  const description = element(
    "p",
    { class: "for", id: `${chart.id}-text` },
    describeChart(chart, rows, marks),
  );
  markShown(page, heading, rows.flat(), ["period"]);
  const few = chart.slots.length < 12 ? ` few few-${chart.slots.length}` : "";
  return element(
    "figure",
    { id: chart.id, class: `timed ${chart.style}${few}` },
    heading,
    legendOf(chart, rows, marks),
    plotOf(chart, rows, marks, page),
    description,
    actions(
      chart.id,
      chart.title,
      () => chartTable(chart, rows, page),
      () => rows.flat().filter(Boolean),
      page,
    ),
  );
}

function plotOf(chart, rows, marks, page) {
  const drawing = drawn("svg", {
    class: "chart",
    height: TOP + HEIGHT + BELOW,
    "aria-hidden": "true",
    focusable: "false",
  });
  const scale = scaleOf(chart, rows);
  drawing.append(...weekendBands(chart), ...gridLines(chart, scale));
  const inner = drawn("svg", {
    y: TOP,
    width: "100%",
    height: HEIGHT,
    viewBox: `0 0 ${chart.slots.length} ${HEIGHT}`,
    preserveAspectRatio: "none",
  });
  drawing.append(inner);
  const draw = { columns: drawColumns, stacked: drawColumns, line: drawLines }[chart.form];
  draw(chart, rows, marks, scale, inner, drawing);
  drawing.append(
    ...gapStrip(chart, marks),
    ...timeLabels(chart),
    ...chosenBand(chart),
    ...changeMarks(chart),
  );
  const cursor = drawn("rect", {
    class: "cursor",
    y: TOP,
    height: HEIGHT,
    width: percentOf(chart, 1),
    visibility: "hidden",
  });
  drawing.append(cursor);
  const tip = element("div", { class: "tip", hidden: true });
  const last = chart.slots.length - 1;
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
      "aria-valuetext": tipLines(chart, rows, last, page).flat().join(", "),
    },
    element("div", { class: "area" }, drawing, tip),
  );
  attachCursor(plot, chart, rows, cursor, tip, page);
  return plot;
}

/** Hides the tooltip that is open: there is one at most. */
let hideTip = () => {};

document.addEventListener("pointerdown", (event) => event.target.closest?.(".area") || hideTip());

/** Moves the cursor with the pointer, with a tap and with the keys, and says what is under it. */
function attachCursor(plot, chart, rows, cursor, tip, page) {
  const last = chart.slots.length - 1;
  let at = last;
  const show = (to) => {
    if (hideTip !== hide) hideTip();
    hideTip = hide;
    at = Math.min(last, Math.max(0, to));
    cursor.setAttribute("x", percentOf(chart, at));
    cursor.setAttribute("visibility", "visible");
    const [when, ...lines] = tipLines(chart, rows, at, page);
    tip.replaceChildren(
      element("strong", {}, when[0]),
      ...lines.map(([text, remark, tone]) =>
        element(
          "span",
          { class: "tip-line" },
          tone && element("i", { class: `key-${tone}` }),
          element("span", {}, text, remark && element("small", {}, remark)),
        ),
      ),
    );
    tip.hidden = false;
    placeTip(tip, (at + 0.5) / chart.slots.length);
    plot.setAttribute("aria-valuenow", String(at + 1));
    plot.setAttribute(
      "aria-valuetext",
      [when[0], ...lines.map(([text, remark]) => [text, remark].filter(Boolean).join(", "))].join("; "),
    );
  };
  const hide = () => {
    cursor.setAttribute("visibility", "hidden");
    tip.hidden = true;
  };
  const area = plot.firstElementChild;
  const point = (event) => {
    const box = area.getBoundingClientRect();
    show(Math.floor(((event.clientX - box.left) / box.width) * chart.slots.length));
  };
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointermove", point);
  // A finger that is lifted leaves, too: what it pointed at stays until another place is tapped.
  area.addEventListener("pointerleave", (event) => event.pointerType === "touch" || hide());
  area.addEventListener("pointercancel", hide);
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && show(at));
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.round(chart.slots.length / 10));
    const to = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      PageDown: at - page,
      PageUp: at + page,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}

/** Puts the tooltip beside what it is about, within the window: `middle` is a share of the width of the chart. */
function placeTip(tip, middle) {
  const area = tip.parentElement.getBoundingClientRect();
  const width = tip.offsetWidth;
  const at = area.left + middle * area.width - (middle < 0.5 ? 0 : width);
  const margin = 8;
  const most = document.documentElement.clientWidth - width - margin;
  tip.style.left = `${(Math.max(margin, Math.min(at, most)) - area.left).toFixed(1)}px`;
}

/** First the period, then for each layer its text, its remarks and its tone. */
function tipLines(chart, rows, at, page) {
  const slot = chart.slots[at];
  const lines = chart.layers.map((layer, row) => {
    const line = rows[row][at];
    const value = line ? valueText(line, chart.style, page.small) : nothingThere(rows);
    const plain = line && line.value === null && !line.hidden ? (REASONS[line.reason] ?? UNKNOWN) : value;
    const remark = line && (line.value !== null || line.hidden) ? remarks(line, chart.style).join(", ") : "";
    return [`${shortName(layer.name)}: ${plain}`, remark, chart.layers.length > 1 ? layer.tone : ""];
  });
  const change = chart.changes.find(({ day }) => day >= slot.start && day <= slot.end);
  if (change) lines.push([`Source from ${longDay(change.day)}: ${change.to}`, "", ""]);
  return [[periodName(slot)], ...lines];
}

/** What a name explains after a colon stands in the legend. */
function shortName(name) {
  return name.split(": ")[0];
}

/** The chart in a few sentences, for those who do not see it. */
function describeChart(chart, rows, marks) {
  const units = {
    day: ["day", "days"],
    week: ["week", "weeks"],
    month: ["month", "months"],
  }[chart.slots[0].grain] ?? ["period", "periods"];
  const words = [
    `${counted(chart.slots.length, ...units)}, ${longDay(chart.slots[0].start)} to ${longDay(chart.slots.at(-1).end)} (UTC).`,
  ];
  chart.layers.forEach((layer, row) => {
    const known = rows[row].filter((line) => line && line.value !== null && !line.hidden);
    if (known.length === 0) return words.push(`${shortName(layer.name)}: no values.`);
    const by = [...known].sort((a, b) => a.value - b.value);
    const at = (line) => `${STYLES[chart.style](line.value)} (${periodName(line.period)})`;
    words.push(
      `${shortName(layer.name)}: lowest ${at(by[0])}, highest ${at(by.at(-1))}, last ${at(known.at(-1))}.`,
    );
  });
  for (const [mark, text] of [
    ["missing", capital(nothingThere(rows))],
    ["hidden", "Hidden because few people are behind them"],
  ]) {
    const slots = chart.slots.filter((_, at) => marks.some((row) => row[at] === mark)).length;
    if (slots > 0) words.push(`${text}: ${counted(slots, ...units)}.`);
  }
  for (const { day, to } of chart.changes) words.push(`The source changed to ${to} on ${longDay(day)}.`);
  return words.join(" ");
}

function legendOf(chart, rows, marks) {
  const items = chart.layers.length > 1 ? chart.layers.map((layer) => [`key-${layer.tone}`, layer.name]) : [];
  const has = (mark) => marks.flat().includes(mark);
  const known = rows.flat().filter((line) => line && markOf(line) === "value");
  if (known.some((line) => !isSettled(line)))
    items.push([chart.form === "line" ? "key-dashed" : "key-open", "partly collected, or may still change"]);
  if (chart.form === "line" && known.some(isSmall)) items.push(["key-small", `of fewer than ${SMALL_N}`]);
  if (known.some(isImported)) items.push(["", "from imported events, completeness unknown"]);
  if (has("missing")) items.push(["key-missing", nothingThere(rows)]);
  if (has("hidden"))
    items.push([
      "key-hidden",
      chart.form === "stacked" ? "few people: not shown, and not to scale" : "few people: not shown",
    ]);
  const unknown = rows.flat().find((line) => line && markOf(line) === "unknown");
  if (unknown) items.push(["key-unknown", REASONS[unknown.reason] ?? REASONS.not_known]);
  if (chart.changes.length > 0) items.push(["key-change", "source changed"]);
  if (isShaded(chart)) items.push(["key-weekend", "weekend"]);
  return element(
    "ul",
    { class: "legend" },
    items.map(([key, text]) => element("li", {}, key && element("i", { class: key }), text)),
  );
}

function chartTable(chart, rows, page) {
  const head = { day: "Day (UTC)", week: "Week of", month: "Month" }[chart.slots[0].grain] ?? "Period";
  return tableRegion(
    {
      id: `${chart.id}-table`,
      caption: chart.title,
      quiet: true,
      columns: [words(head), ...chart.layers.map((layer) => numbers(shortName(layer.name)))],
      rows: chart.slots
        .map((slot, at) => [
          date(slot.grain === "week" ? longDay(slot.start) : periodName(slot)),
          ...chart.layers.map((_, row) => figure(rows[row][at], chart.style)),
        ])
        .reverse(),
    },
    page,
  );
}

// Scales

function scaleOf(chart, rows) {
  if (chart.style === "percent") return { top: 1, ticks: [0, 0.25, 0.5, 0.75, 1] };
  const heights = rows.map((row) => row.map((line) => (line && markOf(line) === "value" ? line.value : 0)));
  const highest =
    chart.form === "stacked"
      ? Math.max(...chart.slots.map((_, at) => heights.reduce((sum, row) => sum + row[at], 0)))
      : Math.max(...heights.map((row) => Math.max(...row)));
  const step = stepOf(chart.style, highest / 4);
  // What stands on a stack without a scale needs room.
  const room = chart.form === "stacked" ? REMAINDER / HEIGHT : 0;
  const steps = Math.max(1, Math.ceil((highest / step) * (1 + room)));
  return {
    top: steps * step,
    ticks: Array.from({ length: steps + 1 }, (_, at) => at * step),
  };
}

/** 1, 2 or 5 times a power of ten, at least as large; times in steps that read well. */
function stepOf(style, least) {
  const times = [1, 5, 15, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 432000, 864000];
  if (style === "duration")
    return times.find((step) => step >= least) ?? stepOf("plain", least / 86400) * 86400;
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (step * power >= least) return step * power;
}

function yOf(scale, value) {
  return HEIGHT - HEIGHT * Math.min(1, Math.max(0, value / scale.top));
}

function percentOf(chart, position) {
  return `${Number(((position / chart.slots.length) * 100).toFixed(3))}%`;
}

function gridLines(chart, scale) {
  return scale.ticks.flatMap((tick) => {
    const y = (TOP + yOf(scale, tick)).toFixed(1);
    return [
      drawn("line", {
        class: tick === 0 ? "base" : "grid",
        x1: 0,
        x2: "100%",
        y1: y,
        y2: y,
      }),
      drawn("text", { class: "y", x: -8, y: Number(y) + 4 }, tickText(chart.style, tick, scale.ticks[1])),
    ];
  });
}

/** A tick of the axis of values: zero seconds are zero days, too, and all of them have the unit of the first step. */
function tickText(style, tick, step) {
  if (style === "percent") return wholePercent.format(tick);
  if (style !== "duration") return STYLES[style](tick);
  return tick === 0 ? "0" : durationIn(unitOf(step), tick);
}

// Values

/** Settled ones go into a path that is stretched; the others are hatched boxes, which are not. */
function drawColumns(chart, rows, marks, scale, inner, drawing) {
  const touch = chart.slots.length >= 150;
  const [left, width] = touch ? [0, 1] : [0.12, 0.76];
  const below = chart.slots.map(() => 0);
  chart.layers.forEach((layer, row) => {
    let path = "";
    rows[row].forEach((line, at) => {
      if (marks[row][at] !== "value") return;
      const base = chart.form === "stacked" ? below[at] : 0;
      const bottom = yOf(scale, base);
      let top = yOf(scale, base + line.value);
      if (chart.form === "stacked") below[at] += line.value;
      if (bottom - top < 0.05) return;
      // A hairline of paper keeps neighbours of similar shade apart.
      if (chart.form === "stacked" && bottom - top > 3) top += 1;
      const x = at + left;
      if (isSettled(line))
        path += `M${x.toFixed(2)} ${bottom.toFixed(1)}V${top.toFixed(1)}h${width}V${bottom.toFixed(1)}z`;
      else
        drawing.append(
          drawn("rect", {
            class: `open ${layer.tone}`,
            x: percentOf(chart, x),
            y: (TOP + top).toFixed(1),
            width: percentOf(chart, width),
            height: (bottom - top).toFixed(1),
          }),
        );
    });
    inner.append(drawn("path", { class: `fill ${layer.tone}`, d: path }));
  });
  if (chart.form !== "stacked") return;
  // A part that is not shown has an outline of one size for all: without it, the stack would claim to be the whole.
  below.forEach((height, at) => {
    if (!marks.some((row) => row[at] === "hidden")) return;
    drawing.append(
      drawn("rect", {
        class: "remainder",
        x: percentOf(chart, at + left),
        y: (TOP + yOf(scale, height) - REMAINDER).toFixed(1),
        width: percentOf(chart, width),
        height: REMAINDER,
      }),
    );
  });
}

/** Points, joined where neighbours are known; dashed where one of them may still change. Rates of few stand alone. */
function drawLines(chart, rows, marks, scale, inner) {
  chart.layers.forEach((layer, row) => {
    const paths = {
      stroke: "",
      "stroke dashed": "",
      dots: "",
      "dots small": "",
    };
    let before = null;
    rows[row].forEach((line, at) => {
      if (marks[row][at] !== "value") {
        before = null;
        return;
      }
      const [x, y, settled] = [at + 0.5, yOf(scale, line.value).toFixed(1), isSettled(line)];
      if (!isJoined(line)) {
        paths["dots small"] += `M${x} ${y}h.01`;
        before = null;
        return;
      }
      if (before)
        paths[settled && before.settled ? "stroke" : "stroke dashed"] += `M${before.x} ${before.y}L${x} ${y}`;
      const alone = !before && !isJoined(rows[row][at + 1]);
      if (chart.slots.length <= FINE_SLOTS || alone) paths.dots += `M${x} ${y}h.01`;
      before = { x, y, settled };
    });
    for (const [kind, path] of Object.entries(paths))
      if (path) inner.append(drawn("path", { class: `${kind} ${layer.tone}`, d: path }));
  });
}

/** Whether a line leads to the point of a value: one of few cases would make it plunge. */
function isJoined(line) {
  return markOf(line) === "value" && !isSmall(line);
}

// The time axis

function isWeekend(day) {
  return [0, 6].includes(new Date(day).getUTCDay());
}

function isShaded(chart) {
  return (
    chart.slots[0].grain === "day" &&
    chart.slots.length <= FINE_SLOTS &&
    chart.slots.some((slot) => isWeekend(slot.start))
  );
}

function weekendBands(chart) {
  if (!isShaded(chart)) return [];
  return runsOf(chart.slots.map((slot) => isWeekend(slot.start))).map(([at, length]) =>
    drawn("rect", {
      class: "weekend",
      x: percentOf(chart, at),
      y: TOP,
      width: percentOf(chart, length),
      height: HEIGHT,
    }),
  );
}

/** Start and length of every run of what is true. */
function runsOf(flags) {
  const runs = [];
  flags.forEach((flag, at) => {
    if (!flag) return;
    if (runs.at(-1)?.[0] + runs.at(-1)?.[1] === at) runs.at(-1)[1] += 1;
    else runs.push([at, 1]);
  });
  return runs;
}

/** Below the base line: what is not there, so that an empty slot cannot be read as zero. */
function gapStrip(chart, marks) {
  return ["missing", "hidden", "unknown"].flatMap((mark) =>
    runsOf(chart.slots.map((_, at) => marks.some((row) => row[at] === mark))).map(([at, length]) =>
      drawn("rect", {
        class: mark,
        x: percentOf(chart, at + 0.06),
        y: TOP + HEIGHT + 2.5,
        width: percentOf(chart, length - 0.12),
        height: 4,
      }),
    ),
  );
}

/** Above the drawing: the period that figures and tables speak of. */
function chosenBand(chart) {
  if (!chart.chosen) return [];
  return runsOf(chart.slots.map((slot) => slot.start <= chart.chosen.end && slot.end >= chart.chosen.start))
    .filter(([, length]) => length < chart.slots.length)
    .map(([at, length]) =>
      drawn("rect", {
        class: "chosen",
        x: percentOf(chart, at + 0.06),
        y: 4,
        width: percentOf(chart, length - 0.12),
        height: 2,
      }),
    );
}

function changeMarks(chart) {
  return chart.changes.flatMap(({ day }) => {
    const at = chart.slots.findIndex((slot) => slot.start <= day && slot.end >= day);
    return at < 0
      ? []
      : [
          drawn("line", {
            class: "change",
            x1: percentOf(chart, at),
            x2: percentOf(chart, at),
            y1: TOP - 6,
            y2: TOP + HEIGHT,
          }),
        ];
  });
}

function timeLabels(chart) {
  const { slots } = chart;
  const grain = slots[0].grain;
  const byMonth =
    grain === "month" || (grain === "day" && slots.length > 75) || (grain === "week" && slots.length > 14);
  const firstOfMonth = (slot) => {
    const first = slot.start.endsWith("-01") ? slot.start : plusMonths(slot.start, 1);
    return first <= slot.end ? first : undefined;
  };
  const isTick = (slot, at) =>
    slots.length <= 8 ||
    (byMonth
      ? firstOfMonth(slot) && !(grain === "week" && at === 0)
      : grain !== "day" || new Date(slot.start).getUTCDay() === 1);
  const ticks = slots.flatMap((slot, at) => (isTick(slot, at) ? [at] : []));
  // About ten labels fit a wide page, about four a narrow one.
  const wide = Math.max(1, Math.ceil(ticks.length / 11));
  const narrow = Math.ceil(Math.max(1, Math.ceil(ticks.length / 4)) / wide) * wide;
  let year = "",
    narrowYear = "";
  return ticks.flatMap((at, place) => {
    // A label at the right edge would be cut; of a last week that reaches into a month, nothing of that month is told.
    const isLast = at > slots.length * 0.97 || (grain === "week" && at === slots.length - 1);
    if (place % wide !== 0 || (byMonth && isLast && slots.length > 8)) return [];
    const day = (byMonth && firstOfMonth(slots[at])) || slots[at].start;
    const onlyWide = place % narrow !== 0;
    const saysYear = day.slice(0, 4) !== year || (!onlyWide && day.slice(0, 4) !== narrowYear);
    year = day.slice(0, 4);
    if (!onlyWide) narrowYear = year;
    const label = byMonth
      ? (saysYear ? shortMonthYearFormat : shortMonthFormat).format(new Date(day))
      : shortDay(day);
    // The first label would be cut at the left edge if it were centred there.
    const starts = byMonth ? slots.length > 8 : at === 0 && slots.length > 8;
    const x = percentOf(chart, starts ? at : at + 0.5);
    const only = onlyWide ? " wide" : "";
    return [
      drawn("line", {
        class: `tick${only}`,
        x1: x,
        x2: x,
        y1: TOP + HEIGHT + 1,
        y2: TOP + HEIGHT + 8,
      }),
      drawn(
        "text",
        {
          class: `x${only}`,
          x,
          y: TOP + HEIGHT + 22,
          "text-anchor": starts ? "start" : "middle",
        },
        label,
      ),
    ];
  });
}

/** A small line without axes: the shape of the days, with gaps. */
export function sparkline(lines, style) {
  const known = lines.filter((line) => markOf(line) === "value");
  // Days without people beside hidden ones are no shape.
  if (known.length < 2 || known.every((line) => line.value === 0)) return null;
  const highest = style === "percent" ? 1 : Math.max(...known.map((line) => line.value));
  const paths = { stroke: "", small: "" };
  let joined = false;
  lines.forEach((line, at) => {
    if (markOf(line) !== "value") {
      joined = false;
      return;
    }
    const place = `${at + 0.5} ${(34 - (32 * line.value) / highest).toFixed(1)}`;
    if (isJoined(line)) paths.stroke += joined ? `L${place}` : `M${place}h.01`;
    else paths.small += `M${place}h.01`;
    joined = isJoined(line);
  });
  return drawn(
    "svg",
    {
      class: "spark",
      "aria-hidden": "true",
      focusable: "false",
      height: 36,
      viewBox: `0 0 ${lines.length} 36`,
      preserveAspectRatio: "none",
    },
    Object.entries(paths).map(([kind, d]) => d && drawn("path", { class: kind, d })),
  );
}
