// Tables: in-cell bars, heat maps, and every number as CSV.

import { csvOf } from "./csv.js";
import { drawn, element } from "./elements.js";
import { isSmall, markOf } from "./figures.js";
import { markShown } from "./filter-notes.js";
import { REASONS, exactNumber, partsText, remarks, unitOf, valueName, valueText } from "./words.js";

/** @import {Line} from "./figures.js" */

/**
 * @typedef {{text: string, note?: string, bar?: number, heat?: number, pale?: boolean, kind: "words"|"number"|"code"|"date", line?: Line, range?: number[]}} Cell
 * @typedef {{id: string, caption: string, note?: string, quiet?: boolean, columns: {label: string, kind: string, unitOf?: string}[], rows: Cell[][], more?: string, heat?: boolean, follows?: string[]}} Table
 */

export const words = (label) => ({ label, kind: "words" });
export const numbers = (label) => ({ label, kind: "number" });
export const text = (content, note = "") => ({ text: content, note, kind: "words" });
export const code = (content) => ({ text: content, kind: "code" });
export const date = (content, note = "") => ({ text: content, note, kind: "date" });
/** A value as its source spells it, or words where no source reports one. */
export const spelled = (value, key) => (value === "(none)" ? text(valueName(value, key)) : code(value));

/** The cell of a line: its value, `n of N` where it is a rate, a dash with the reason where it is not known. */
export function figure(line, style, more = {}) {
  const note =
    !line || line.hidden
      ? ""
      : line.value === null
        ? (REASONS[line.reason] ?? REASONS.not_known)
        : partsText(line, style);
  return {
    kind: "number",
    line,
    style,
    note,
    pale: !line || line.value === null || isSmall(line),
    ...more,
  };
}

/** The cell of a line with a bar: the value as a part of `whole`. */
export function barred(line, style, whole, more = {}) {
  return figure(line, style, {
    bar: line?.value && whole > 0 ? line.value / whole : 0,
    ...more,
  });
}

/** The largest value among lines. */
export function largest(lines) {
  return Math.max(0, ...[...lines].map((line) => line?.value ?? 0));
}

/** The names of cells, largest first by the first map. Hidden ones come last by name: their place must not tell their size. */
export function bySize(...maps) {
  const size = (name) => maps[0].get(name)?.value ?? -1;
  const names = new Set(maps.flatMap((map) => [...map.keys()]));
  return [...names].sort((a, b) => size(b) - size(a) || (a < b ? -1 : 1));
}

/** The table in a region of its own that can be scrolled by keyboard; with copy and download. */
export function tableFigure(table, page) {
  if (table.rows.length === 0) return null;
  const lines = () =>
    table.rows
      .flat()
      .map((cell) => cell.line)
      .filter(Boolean);
  const region = tableRegion(table, page);
  markShown(page, region.querySelector("caption > span"), lines(), table.follows);
  return element(
    "figure",
    { id: table.id, class: "tabled" },
    region,
    table.more && element("p", { class: "more" }, table.more),
    actions(table.id, table.caption, null, lines, page),
  );
}

export function tableRegion(table, page) {
  const hasBar = (at) => table.rows.some((row) => row[at]?.bar !== undefined || row[at]?.range);
  const numeric = (column, at) => (column.kind === "number" ? (hasBar(at) ? "num over-bar" : "num") : null);
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
            element("th", { scope: "col", class: numeric(column, at) }, column.label),
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

/** The unit of the durations of each column: that of the middle one. Columns that name the same `unitOf` share one. */
function columnUnits(table) {
  const group = (at) => table.columns[at].unitOf ?? at;
  const known = {};
  for (const row of table.rows)
    row.forEach(({ style, line }, at) => {
      if (style === "duration" && markOf(line) === "value") (known[group(at)] ??= []).push(line.value);
    });
  return table.columns.map((_, at) => {
    const sorted = known[group(at)]?.sort((a, b) => a - b);
    return sorted && unitOf(sorted[Math.floor(sorted.length / 2)]);
  });
}

function cellElement(cell, isHeading, page, unit) {
  const content =
    cell.kind === "number" ? (cell.text ?? valueText(cell.line, cell.style, page.small, unit)) : cell.text;
  const kind = [
    cell.kind === "number" && "num",
    cell.kind === "date" && "date",
    cell.kind === "code" && "code",
    cell.pale && "pale",
    cell.heat !== undefined && !cell.pale && `h${Math.round(cell.heat * 9)}`,
  ]
    .filter(Boolean)
    .join(" ");
  const attributes = { scope: isHeading ? "row" : null, class: kind || null };
  if (cell.kind === "number" && cell.line)
    attributes.title = [exactText(cell.line), ...remarks(cell.line, cell.style)].filter(Boolean).join(", ");
  const inside = [...breakable(content), cell.note && !cell.brief && element("small", {}, ` ${cell.note}`)];
  const bar = cell.bar !== undefined ? barOf(cell.bar) : cell.range ? rangeOf(cell.range) : null;
  return element(
    isHeading ? "th" : "td",
    attributes,
    bar ? element("span", { class: "barred" }, element("span", {}, inside), bar) : inside,
  );
}

/** The text of a path, so that it breaks behind its slashes rather than in a name. */
function breakable(text) {
  return text.split(/(?<=\/)/).flatMap((part, at) => (at === 0 ? [part] : [element("wbr"), part]));
}

/** The value to the last digit, where its text is rounded. */
export function exactText(line) {
  return line.value === null || line.hidden ? "" : exactNumber.format(line.value);
}

function barOf(share) {
  const width = (Math.min(1, Math.max(0, share)) * 100).toFixed(1);
  return drawn(
    "svg",
    {
      class: "bar",
      "aria-hidden": "true",
      focusable: "false",
      viewBox: "0 0 100 1",
      preserveAspectRatio: "none",
    },
    drawn("rect", { class: "track", width: 100, height: 1 }),
    drawn("rect", { width, height: 1 }),
  );
}

/** A point in an interval, all as shares of the same whole. */
function rangeOf([low, middle, high]) {
  const at = (share) => (Math.min(1, Math.max(0, share)) * 100).toFixed(1);
  return drawn(
    "svg",
    {
      class: "bar range",
      "aria-hidden": "true",
      focusable: "false",
      viewBox: "0 0 100 8",
      preserveAspectRatio: "none",
    },
    drawn("rect", { class: "track", y: 3, width: 100, height: 2 }),
    drawn("rect", {
      class: "span",
      x: at(low),
      y: 2,
      width: Math.max(0.5, at(high) - at(low)),
      height: 4,
    }),
    drawn("rect", { x: Math.max(0, at(middle) - 0.6), width: 1.2, height: 8 }),
  );
}

// What can be done with the numbers

/** Buttons below a chart or a table. `makeTable` is null where the numbers are a table already. */
export function actions(id, title, makeTable, lines, page) {
  const place = element("div", { id: `${id}-numbers`, hidden: true });
  const said = element("span", { class: "said", role: "status" });
  const about = () => element("span", { class: "for" }, `: ${title}`);
  const toggle =
    makeTable &&
    element(
      "button",
      {
        type: "button",
        "aria-expanded": false,
        "aria-controls": place.id,
        click: () => {
          place.hidden = !place.hidden;
          toggle.setAttribute("aria-expanded", String(!place.hidden));
          toggle.firstChild.textContent = place.hidden ? "Show as table" : "Hide table";
          if (!place.firstChild) place.append(makeTable());
        },
      },
      "Show as table",
      about(),
    );
  const copy = element(
    "button",
    {
      type: "button",
      click: async () => {
        const done = await copyText(csvOf(lines(), page));
        said.textContent = done ? "Copied" : "Could not be copied";
        setTimeout(() => {
          said.textContent = "";
        }, 3000);
      },
    },
    "Copy CSV",
    about(),
  );
  const download = element(
    "button",
    {
      type: "button",
      click: () => downloadText(`${id}.csv`, csvOf(lines(), page)),
    },
    "Download CSV",
    about(),
  );
  return element(
    "div",
    { class: "numbers" },
    element("div", { class: "acts" }, toggle, copy, download, said),
    makeTable && place,
  );
}

async function copyText(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    const area = element("textarea", { class: "for", "aria-hidden": "true" });
    area.value = content;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function downloadText(name, content) {
  const address = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
