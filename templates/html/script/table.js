// Tables: bars in cells, heat maps, and the buttons that export a figure.

import { toCsv } from "./csv.js";
import { element, svgElement } from "./elements.js";
import { trackShown } from "./filter-notes.js";
import {
  details,
  durationUnit,
  exactFormat,
  ratioText,
  reasonText,
  valueLabel,
  valueText,
} from "./format.js";
import { isSmallSample } from "./metrics.js";

/**
 * @import {Style, Unit} from "./format.js"
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @import {FilterKey} from "./state.js"
 */

/**
 * A cell shows `text`, or else its line in a style. `bar` and `heat` are shares from 0 to 1, `range` is low, middle and
 * high as shares of one scale, `brief` moves the note into the tooltip.
 * @typedef {{
 *   kind: "text"|"number"|"code"|"date", text?: string, note?: string, line?: Line, style?: Style, bar?: number,
 *   heat?: number, range?: number[], pale?: boolean, brief?: boolean
 * }} Cell
 * @typedef {{label: string, kind: "text"|"number", unitOf?: string}} Column columns with the same `unitOf` share one unit
 * @typedef {{
 *   id: string, caption: string, note?: string|(string|Node)[], columns: Column[], rows: Cell[][], more?: string,
 *   heat?: boolean, follows?: FilterKey[]
 * }} Table `more` names what is omitted; see `trackShown` for `follows`
 */

/** @type {(label: string) => Column} */
export const textColumn = (label) => ({ label, kind: "text" });
/** @type {(label: string) => Column} */
export const numberColumn = (label) => ({ label, kind: "number" });
/** @type {(text: string, note?: string) => Cell} */
export const textCell = (text, note = "") => ({ text, note, kind: "text" });
/** @type {(text: string) => Cell} */
export const codeCell = (text) => ({ text, kind: "code" });
/** @type {(text: string, note?: string) => Cell} */
export const dateCell = (text, note = "") => ({ text, note, kind: "date" });
/** @type {(value: string, key: string) => Cell} An identifier as its source spells it. */
export const identifierCell = (value, key) =>
  value === "(none)" ? textCell(valueLabel(value, key)) : codeCell(value);

/**
 * The value of a line, with `n of N` for a rate or the reason why there is none.
 * @param {Line|undefined} line
 * @param {Style} style
 * @param {Partial<Cell>} [more]
 * @returns {Cell}
 */
export function valueCell(line, style, more = {}) {
  const note = !line || line.hidden ? "" : line.value === null ? reasonText(line) : ratioText(line, style);
  return {
    kind: "number",
    line,
    style,
    note,
    pale: !line || line.value === null || isSmallSample(line),
    ...more,
  };
}

/**
 * The value of a line with a bar: its share of `whole`.
 * @param {Line|undefined} line
 * @param {Style} style
 * @param {number} whole
 * @param {Partial<Cell>} [more]
 */
export function barCell(line, style, whole, more = {}) {
  return valueCell(line, style, { bar: line?.value && whole > 0 ? line.value / whole : 0, ...more });
}

/** @param {Iterable<Line|undefined>} lines */
export function maxValue(lines) {
  return Math.max(0, ...[...lines].map((line) => line?.value ?? 0));
}

/**
 * The names in maps of lines, largest first by the first map. Suppressed ones come last, sorted by name: their position
 * must not reveal their size.
 * @param {...Map<string, Line>} maps
 */
export function namesByValue(...maps) {
  /** @param {string} name */
  const value = (name) => maps[0].get(name)?.value ?? -1;
  const names = new Set(maps.flatMap((map) => [...map.keys()]));
  return [...names].sort((a, b) => value(b) - value(a) || (a < b ? -1 : 1));
}

/**
 * A table with its export buttons; null without rows.
 * @param {Table} table
 * @param {Page} page
 */
export function tableFigure(table, page) {
  if (table.rows.length === 0) return null;
  const lines = () => table.rows.flatMap((row) => row.flatMap((cell) => cell.line ?? []));
  const region = tableRegion(table, page);
  const host = region.querySelector("caption > span");
  if (host) trackShown(page, host, lines(), table.follows);
  return element(
    "figure",
    { id: table.id, class: "tabled" },
    region,
    table.more && element("p", { class: "more" }, table.more),
    exportActions(table.id, table.caption, null, lines, page),
  );
}

/**
 * A table in a region that the keyboard can scroll.
 * @param {Table} table
 * @param {Page} page
 */
export function tableRegion(table, page) {
  /** @param {number} at */
  const hasBar = (at) => table.rows.some((row) => row[at]?.bar !== undefined || row[at]?.range);
  /** @type {(column: Column, at: number) => ?string} */
  const className = (column, at) => (column.kind === "number" ? (hasBar(at) ? "num over-bar" : "num") : null);
  const units = columnUnits(table);
  const caption = `${table.id}-caption`;
  return element(
    "div",
    {
      class: `scroll${table.columns.length <= 3 ? " slim" : ""}`,
      role: "region",
      "aria-labelledby": caption,
      tabindex: "0",
    },
    element(
      "table",
      { class: table.heat ? "heat" : null },
      element(
        "caption",
        { id: caption },
        element("span", {}, table.caption, table.note && element("small", {}, table.note)),
      ),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          table.columns.map((column, at) =>
            element("th", { scope: "col", class: className(column, at) }, column.label),
          ),
        ),
      ),
      element(
        "tbody",
        {},
        table.rows.map((row) =>
          element(
            "tr",
            {},
            row.map((cell, at) => cellElement(cell, at === 0, page, units[at])),
          ),
        ),
      ),
    ),
  );
}

/**
 * The unit of the durations in each column: that of the median.
 * @param {Table} table
 */
function columnUnits(table) {
  /** @param {number} at */
  const group = (at) => table.columns[at].unitOf ?? at;
  /** @type {Record<string, number[]>} */
  const seconds = {};
  for (const row of table.rows)
    row.forEach(({ style, line }, at) => {
      if (style === "duration" && typeof line?.value === "number")
        (seconds[group(at)] ??= []).push(line.value);
    });
  return table.columns.map((_, at) => {
    const sorted = seconds[group(at)]?.sort((a, b) => a - b);
    return sorted && durationUnit(sorted[Math.floor(sorted.length / 2)]);
  });
}

/**
 * @param {Cell} cell
 * @param {boolean} isHeading
 * @param {Page} page
 * @param {Unit|undefined} unit
 */
function cellElement(cell, isHeading, page, unit) {
  const { line, style = "plain" } = cell;
  const content = cell.text ?? valueText(line, style, page.small, unit);
  const className = [
    cell.kind === "number" && "num",
    cell.kind === "date" && "date",
    cell.kind === "code" && "code",
    cell.pale && "pale",
    cell.heat !== undefined && !cell.pale && `h${Math.round(cell.heat * 9)}`,
  ]
    .filter(Boolean)
    .join(" ");
  const title =
    cell.kind === "number" && line
      ? [exactValue(line), ...details(line, style)].filter(Boolean).join(", ")
      : null;
  const inside = [
    ...breakAtSlashes(content),
    cell.note && !cell.brief && element("small", {}, ` ${cell.note}`),
  ];
  const bar = cell.bar !== undefined ? shareBar(cell.bar) : cell.range ? intervalBar(cell.range) : null;
  return element(
    isHeading ? "th" : "td",
    { scope: isHeading ? "row" : null, class: className || null, title },
    bar ? element("span", { class: "barred" }, element("span", {}, inside), bar) : inside,
  );
}

/**
 * A path that breaks after its slashes rather than inside a name.
 * @param {string} text
 */
function breakAtSlashes(text) {
  return text.split(/(?<=\/)/).flatMap((part, at) => (at === 0 ? [part] : [element("wbr"), part]));
}

/**
 * The unrounded value; empty where there is none.
 * @param {Line} line
 */
export function exactValue(line) {
  return line.value === null || line.hidden ? "" : exactFormat.format(line.value);
}

/** @param {number} share */
function percentOf(share) {
  return Number((Math.min(1, Math.max(0, share)) * 100).toFixed(1));
}

/** @param {number} share */
function shareBar(share) {
  return svgElement(
    "svg",
    {
      class: "bar",
      "aria-hidden": "true",
      focusable: "false",
      viewBox: "0 0 100 1",
      preserveAspectRatio: "none",
    },
    svgElement("rect", { class: "track", width: 100, height: 1 }),
    svgElement("rect", { width: percentOf(share), height: 1 }),
  );
}

/** @param {number[]} range */
function intervalBar([low, middle, high]) {
  return svgElement(
    "svg",
    {
      class: "bar range",
      "aria-hidden": "true",
      focusable: "false",
      viewBox: "0 0 100 8",
      preserveAspectRatio: "none",
    },
    svgElement("rect", { class: "track", y: 3, width: 100, height: 2 }),
    svgElement("rect", {
      class: "span",
      x: percentOf(low),
      y: 2,
      width: Math.max(0.5, percentOf(high) - percentOf(low)),
      height: 4,
    }),
    svgElement("rect", { x: Math.max(0, percentOf(middle) - 0.6), width: 1.2, height: 8 }),
  );
}

/**
 * The buttons below a figure. `makeTable` is null where the figure is a table.
 * @param {string} id
 * @param {string} title
 * @param {?() => Element} makeTable
 * @param {() => Line[]} lines
 * @param {Page} page
 */
export function exportActions(id, title, makeTable, lines, page) {
  const place = element("div", { id: `${id}-numbers`, hidden: true });
  const status = element("span", { class: "status", role: "status" });
  // Screen readers list buttons without their figures.
  const ofFigure = () => element("span", { class: "for" }, `: ${title}`);
  const label = document.createTextNode("Show as table");
  const toggle =
    makeTable &&
    element(
      "button",
      {
        type: "button",
        "aria-expanded": false,
        "aria-controls": place.id,
        click: ({ currentTarget }) => {
          place.hidden = !place.hidden;
          currentTarget.setAttribute("aria-expanded", String(!place.hidden));
          label.textContent = place.hidden ? "Show as table" : "Hide table";
          if (!place.firstChild) place.append(makeTable());
        },
      },
      label,
      ofFigure(),
    );
  const copy = element(
    "button",
    {
      type: "button",
      click: async () => {
        const isCopied = await copyText(toCsv(lines(), page));
        status.textContent = isCopied ? "Copied" : "Copy failed";
        setTimeout(() => {
          status.textContent = "";
        }, 3000);
      },
    },
    "Copy CSV",
    ofFigure(),
  );
  const download = element(
    "button",
    { type: "button", click: () => downloadText(`${id}.csv`, toCsv(lines(), page)) },
    "Download CSV",
    ofFigure(),
  );
  return element(
    "div",
    { class: "numbers" },
    element("div", { class: "acts" }, toggle, copy, download, status),
    makeTable && place,
  );
}

/** @param {string} content */
async function copyText(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    // A page opened from disk has no clipboard API in every browser.
    const area = element("textarea", { class: "for", "aria-hidden": "true" });
    area.value = content;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/**
 * @param {string} name
 * @param {string} content
 */
function downloadText(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
