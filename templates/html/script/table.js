// Tables: sortable, with bars in cells, heat maps, totals, and rows that filter.

import { element, svgElement } from "./elements.js";
import { exportActions } from "./export.js";
import { trackShown } from "./filter-notes.js";
import {
  decimalFormat,
  details,
  durationUnit,
  exactFormat,
  ratioText,
  reasonText,
  SUPPRESSED_SHORT,
  UNKNOWN,
  valueLabel,
  valueText,
} from "./format.js";
import { isSmallSample, statusOf } from "./metrics.js";

/**
 * @import {Style, Unit} from "./format.js"
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @import {FilterKey} from "./state.js"
 */

/**
 * A cell shows `text`, or else its line in a style. `bar` and `heat` are shares from 0 to 1, `brief` moves the note into
 * the tooltip, `sort` is the value to sort by where there is no line, and `filter` the value that a click selects.
 * @typedef {{
 *   kind: "text"|"number"|"code"|"date", text?: string, note?: string, line?: Line, style?: Style, bar?: number,
 *   heat?: number, pale?: boolean, brief?: boolean, sort?: number, filter?: {key: FilterKey, value: string}
 * }} Cell
 * @typedef {{label: string, kind: "text"|"number", unitOf?: string}} Column columns with the same `unitOf` share one unit
 * @typedef {{
 *   id: string, caption: string, note?: string|(string|Node)[], columns: Column[], rows: Cell[][], total?: ?Cell[],
 *   heat?: boolean, follows?: FilterKey[], limit?: number
 * }} Table see `trackShown` for `follows`; `limit` is the number of rows shown at first
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
/** @type {(text: string, sort?: number) => Cell} A number that is not the value of a line. */
export const numberCell = (text, sort) => ({ text, kind: "number", sort, pale: text === UNKNOWN });
/** @type {(value: string, key: string) => Cell} An identifier as its source spells it. */
export const identifierCell = (value, key) =>
  value === "(none)" ? textCell(valueLabel(value, key)) : codeCell(value);
/** @type {(value: string, key: FilterKey) => Cell} The value of a dimension, by which a click filters. */
export const filterCell = (value, key) => ({ ...textCell(valueLabel(value, key)), filter: { key, value } });

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

/** Rows that a table shows at first; a table with slightly more shows all. */
const ROWS_AT_FIRST = 8;
const ROWS_TO_SPARE = 2;

/**
 * A table with its export buttons; null without rows. A table without any value is a sentence that states why, and what
 * to do.
 * @param {Table} table
 * @param {Page} page
 */
export function tableFigure(table, page) {
  if (table.rows.length === 0) return null;
  const lines = () =>
    [...table.rows, table.total ?? []].flatMap((row) => row.flatMap((cell) => cell.line ?? []));
  const known = lines();
  if (known.length > 0 && known.every((line) => statusOf(line) !== "value"))
    return element(
      "figure",
      { id: table.id },
      element("figcaption", {}, element("h4", {}, table.caption)),
      element("p", { class: "nothing" }, whyEmpty(known, page)),
    );
  const region = tableRegion(table, page);
  const host = region.querySelector("caption > span");
  if (host) trackShown(page, host, known, table.follows);
  return element(
    "figure",
    { id: table.id, class: "tabled" },
    region,
    moreButton(table, region),
    exportActions(table.id, table.caption, null, lines, page),
  );
}

/**
 * Why no line of a table has a value, and what to do about it.
 * @param {Line[]} lines
 * @param {Page} page
 */
export function whyEmpty(lines, page) {
  if (lines.some((line) => line.hidden))
    return `All values are suppressed: fewer than ${page.small} people each, or derivable from such values. A longer period or a larger group has more people.`;
  const reason = lines.find((line) => line.reason)?.reason ?? "not_known";
  /** @type {Record<string, string>} */
  const steps = {
    not_collected: "Not collected for these days. “Data” lists what is missing, and how to collect it.",
    no_snapshot: "No seat list was collected. Run the collector “seats” with a token that may read seats.",
    nothing_shown: "There were no cases in this period.",
    look_back_incomplete: "Not enough history yet: it is complete after 56 days of collection.",
    not_in_source:
      "GitLab does not report this for this group. Imported Duo Agent Platform events contain it.",
    no_commitment: "GitLab reports no commitment of credits for this group.",
  };
  return steps[reason] ?? "GitLab reported no values for this period.";
}

/**
 * The button that shows the rest of the rows; null for a short table.
 * @param {Table} table
 * @param {Element} region
 */
function moreButton(table, region) {
  const limit = rowLimit(table);
  if (table.rows.length <= limit) return null;
  const body = region.querySelector("tbody");
  const [some, all] = [limit, table.rows.length].map((count) => decimalFormat.format(count));
  const label = `Show all ${all}`;
  const button = element(
    "button",
    {
      type: "button",
      "aria-expanded": false,
      click: () => {
        const isOpen = body?.classList.toggle("all") ?? false;
        button.setAttribute("aria-expanded", String(isOpen));
        button.textContent = isOpen ? `Show ${some} of ${all}` : label;
      },
    },
    label,
  );
  return element("p", { class: "more" }, element("span", {}, `${some} of ${all} rows. `), button);
}

/** @param {Table} table */
function rowLimit({ rows, limit = ROWS_AT_FIRST }) {
  return rows.length <= limit + ROWS_TO_SPARE ? rows.length : limit;
}

/**
 * A table in a region that the keyboard can scroll.
 * @param {Table} table
 * @param {Page} page
 */
export function tableRegion(table, page) {
  /** @param {number} at */
  const hasBar = (at) => table.rows.some((row) => row[at]?.bar !== undefined);
  /** @type {(column: Column, at: number) => ?string} */
  const className = (column, at) => (column.kind === "number" ? (hasBar(at) ? "num over-bar" : "num") : null);
  const units = columnUnits(table);
  const caption = `${table.id}-caption`;
  const labels = table.columns.map(({ label }) => label);
  /** @type {(row: Cell[]) => Element} */
  const rowElement = (row) =>
    element(
      "tr",
      {},
      row.map((cell, at) => cellElement(cell, at === 0 ? "" : labels[at], page, units[at])),
    );
  const limit = rowLimit(table);
  const body = element("tbody", { class: limit < table.rows.length ? `first-${limit}` : null });
  body.append(...table.rows.map(rowElement));
  const isSortable = table.rows.length > 2 && !table.heat;
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
      { class: table.heat ? "heat" : "cards" },
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
            element(
              "th",
              { scope: "col", class: className(column, at) },
              isSortable ? sortButton(table, at, body) : column.label,
            ),
          ),
        ),
      ),
      body,
      table.total && element("tfoot", {}, rowElement(table.total)),
    ),
  );
}

/**
 * The heading of a column, which sorts the rows: numbers from the largest, texts from A. Unknown and suppressed values
 * stay last.
 * @param {Table} table
 * @param {number} at
 * @param {Element} body
 */
function sortButton(table, at, body) {
  const { label, kind } = table.columns[at];
  const original = [...body.children];
  const button = element(
    "button",
    {
      type: "button",
      class: "sort",
      click: () => {
        const heading = button.parentElement;
        const was = heading?.getAttribute("aria-sort");
        const first = kind === "number" ? "descending" : "ascending";
        const order = !was
          ? first
          : was === first
            ? first === "ascending"
              ? "descending"
              : "ascending"
            : null;
        for (const other of heading?.parentElement?.children ?? []) other.removeAttribute("aria-sort");
        if (order) heading?.setAttribute("aria-sort", order);
        const places = table.rows.map((row, place) => ({ place, cell: row[at] }));
        if (order) places.sort((a, b) => compareCells(a.cell, b.cell, order === "ascending" ? 1 : -1));
        body.append(...places.map(({ place }) => original[place]));
      },
    },
    label,
  );
  return button;
}

/**
 * @param {Cell} a
 * @param {Cell} b
 * @param {1|-1} sign
 */
export function compareCells(a, b, sign) {
  const [x, y] = [a, b].map((cell) => cell.line?.value ?? cell.sort ?? null);
  if (a.kind !== "number") return sign * (a.text ?? "").localeCompare(b.text ?? "");
  if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
  return sign * (x - y);
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
 * @param {string} label the heading of the column, which a narrow screen shows in the cell; empty for the row heading
 * @param {Page} page
 * @param {Unit|undefined} unit
 */
function cellElement(cell, label, page, unit) {
  const { line, style = "plain" } = cell;
  const content = cell.brief && line?.hidden ? SUPPRESSED_SHORT : (cell.text ?? valueText(line, style, unit));
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
    cell.filter ? filterButton(cell.filter, content, page) : breakAtSlashes(content),
    cell.note && !cell.brief && element("small", {}, ` ${cell.note}`),
  ];
  const bar = cell.bar !== undefined ? shareBar(cell.bar) : null;
  return element(
    label ? "td" : "th",
    { scope: label ? null : "row", class: className || null, title, "data-label": label || null },
    bar ? element("span", { class: "barred" }, element("span", {}, inside.flat()), bar) : inside.flat(),
  );
}

/**
 * The heading of a row, which selects its value in a filter or, if it is selected, all values.
 * @param {{key: FilterKey, value: string}} filter
 * @param {string} text
 * @param {Page} page
 */
function filterButton({ key, value }, text, page) {
  const isSet = page.selected[key] === value;
  return element(
    "button",
    {
      type: "button",
      class: "row-filter",
      "aria-pressed": isSet,
      title: isSet ? "Show all" : `Show only ${text}`,
      click: () => page.change(key, isSet ? "" : value),
    },
    text,
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
export function percentOf(share) {
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
