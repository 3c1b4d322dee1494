// Lines as CSV with unrounded values.

/**
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 */

/**
 * @param {Line[]} lines
 * @param {Pick<Page, "data">} page
 */
export function toCsv(lines, page) {
  const keys = [...new Set(lines.flatMap((line) => Object.keys(line.by)))].sort();
  const head = [
    "metric",
    "group",
    "grain",
    "start",
    "end",
    ...keys,
    "value",
    "n",
    "of",
    "people",
    "coverage",
    "imported",
    "final",
    "reason",
    "hidden",
  ];
  const rows = lines.map((line) => [
    line.metric,
    page.data.groups[line.group].name,
    line.period.grain,
    line.period.start,
    line.period.end,
    ...keys.map((key) => csvLabel(line.by[key] ?? "")),
    line.value ?? "",
    line.value === null ? "" : (line.n ?? ""),
    line.value === null ? "" : (line.of ?? ""),
    line.people ?? "",
    line.coverage,
    line.imported,
    line.final,
    line.reason ?? "",
    line.hidden ?? "",
  ]);
  return [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/**
 * Quotes labels that a spreadsheet would convert to a date, a time or a number. The rules are those of
 * src/publish/spreadsheet.rs.
 * @param {string} label
 */
function csvLabel(label) {
  const word = /^[\d \-/.,]*([a-zä]{3,9})[\d \-/.,]*$/i.exec(label)?.[1].toLowerCase();
  const isConverted =
    (/^[(.$€£¥ ]*\d[\d \-/.:,%)'€$]*( ?[ap]m?)?$/i.test(label) && !/[/\-:,]$/.test(label)) ||
    /^[\d.]+e[+-]?\d+$/i.test(label) ||
    (word !== undefined && MONTHS.some((month) => month.startsWith(word)));
  const isWholeNumber = /^(0|[1-9]\d{0,14})$/.test(label);
  return isConverted && !isWholeNumber && /\d/.test(label) ? `'${label}` : label;
}

/** Months in English, and in German where they differ. */
const MONTHS = [
  ...["january", "february", "march", "april", "may", "june", "july", "august", "september", "october"],
  ...["november", "december", "märz", "mrz", "mai", "juni", "juli", "oktober", "dezember"],
];

/**
 * Quotes a cell; a text that a spreadsheet would run as a formula gets an apostrophe in front.
 * @param {string|number|boolean} value
 */
function csvCell(value) {
  const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
