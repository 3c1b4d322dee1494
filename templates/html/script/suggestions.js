// Code suggestions: acceptance, volume, languages, editors and lines.

import { percentFormat, UNKNOWN, valueLabel } from "./format.js";
import {
  comparedSplit,
  comparisonCells,
  comparisonColumns,
  currentLine,
  currentSplit,
  emptyFigure,
  emptyNote,
  heatMap,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  filterCell,
  maxValue,
  namesByValue,
  numberCell,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/**
 * @import {Dimensions, Grain, Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @import {Cell} from "./table.js"
 */

/** @param {Page} page */
export function* suggestionFigures(page) {
  const { language } = page.selected;
  const changes = page.data.changes.filter((change) => change.group === page.group);
  /** @type {Grain} */
  const grain = language ? "week" : "day";
  /** @type {Dimensions} */
  const by = language ? { language } : {};
  const suffix = language ? `: ${valueLabel(language, "language")}` : "";
  const note = language ? "By week, because daily values by language would cover too few people. " : "";
  const chart = { grain, by, changes };
  yield sideBySide(
    timeSeriesFigure(
      page,
      {
        ...chart,
        id: "acceptance",
        form: "line",
        style: "percent",
        title: `Acceptance rate by ${grain}${suffix}`,
        note: `${note}Accepted suggestions as a share of those shown.`,
      },
      [["acceptance rate", "main", "code_suggestions.acceptance_rate"]],
    ),
    timeSeriesFigure(
      page,
      {
        ...chart,
        id: "suggestions-shown",
        title: `Code suggestions shown and accepted by ${grain}${suffix}`,
        note: `${note}Shown includes accepted.`,
      },
      [
        ["shown", "quiet", "code_suggestions.shown"],
        ["accepted", "main", "code_suggestions.accepted"],
      ],
    ),
  );
}

/** @param {Page} page */
export function* languageFigures(page) {
  const { language } = page.selected;
  const suffix = language ? `: ${valueLabel(language, "language")}` : "";
  yield languageTable(page, language) ?? emptyNote("No language was reported for this period.");
  yield sideBySide(languageHeatMap(page, language), codeLineTable(page, language));
  yield editorTable(page, suffix, language ? { language } : {});
}

const METRICS = ["shown", "accepted", "rejected", "acceptance_rate", "users"];

/**
 * Languages, most used first, with the change of the rate since the period before.
 * @param {Page} page
 * @param {string} only
 */
function languageTable(page, only) {
  const [shown, accepted, rejected, rate, people] = METRICS.map((metric) =>
    currentSplit(page, `code_suggestions.${metric}`, "language"),
  );
  const first = [...rate.values()][0];
  const comparison = comparedSplit(page, "code_suggestions.acceptance_rate", "language");
  const names = namesByValue(shown, accepted).filter((name) => !only || name === only);
  const max = maxValue(shown.values());
  const columns = ["Shown", "Accepted", "Rejected", "Acceptance rate"].map(numberColumn);
  columns.push(...comparisonColumns(comparison));
  if (people.size > 0) columns.push(numberColumn("People"));
  /** @type {(lines: (Line|undefined)[], name: string) => Cell[]} */
  const cells = ([shown, accepted, rejected, rate, users], name) => [
    barCell(shown, "plain", max),
    valueCell(accepted, "plain"),
    valueCell(rejected, "plain"),
    barCell(rate, "percent", 1, { brief: true }),
    ...comparisonCells(comparison, name, "percent"),
    ...(people.size > 0 ? [valueCell(users, "plain")] : []),
  ];
  const total = METRICS.map((metric) => totalLine(page, `code_suggestions.${metric}`, first));
  return tableFigure(
    {
      id: "by-language",
      limit: 6,
      caption: withPeriod(page, "Code suggestions by language", shown.values()),
      columns: [textColumn("Language"), ...columns],
      rows: names.map((name) => [
        filterCell(name, "language"),
        ...cells(
          [shown, accepted, rejected, rate, people].map((lines) => lines.get(name)),
          name,
        ),
      ]),
      total: only || !total[0] ? null : [textCell("All languages"), ...cells(total, "")],
    },
    page,
  );
}

/**
 * The line of all values of a dimension in the period of one of them; undefined where there is none.
 * @param {Page} page
 * @param {string} metric
 * @param {Line|undefined} part
 */
function totalLine(page, metric, part) {
  return part && page.metrics.line(page.group, metric, part.period);
}

/**
 * @param {Page} page
 * @param {string} suffix
 * @param {Dimensions} fixed
 */
function editorTable(page, suffix, fixed) {
  const [shown, accepted, rejected, rate] = METRICS.map((metric) =>
    currentSplit(page, `code_suggestions.${metric}`, "ide", fixed),
  );
  const names = namesByValue(shown, accepted);
  const caption = withPeriod(page, `Code suggestions by editor${suffix}`, shown.values());
  if (names.length === 0) return emptyFigure("by-ide", caption, "No editor was reported for this period.");
  const max = maxValue(shown.values());
  return tableFigure(
    {
      id: "by-ide",
      caption,
      columns: [textColumn("Editor"), ...["Shown", "Accepted", "Rejected", "Rate"].map(numberColumn)],
      rows: names.map((name) => [
        textCell(valueLabel(name, "ide")),
        barCell(shown.get(name), "plain", max),
        valueCell(accepted.get(name), "plain"),
        valueCell(rejected.get(name), "plain"),
        valueCell(rate.get(name), "percent", { brief: true }),
      ]),
    },
    page,
  );
}

/**
 * @param {Page} page
 * @param {string} only
 */
function languageHeatMap(page, only) {
  const names = namesByValue(currentSplit(page, "code_suggestions.accepted", "language"))
    .filter((name) => !only || name === only)
    .slice(0, 8);
  return heatMap(page, {
    id: "language-weeks",
    caption: "Accepted suggestions by language and week",
    metric: "code_suggestions.accepted",
    key: "language",
    style: "plain",
    names,
    heading: "Language",
  });
}

/**
 * @param {Page} page
 * @param {string} only
 */
function codeLineTable(page, only) {
  const metrics = ["lines_shown", "lines_accepted", "line_acceptance_rate"];
  const [shown, accepted, rate] = metrics.map((metric) =>
    currentSplit(page, `code_suggestions.${metric}`, "language"),
  );
  const [totalShown, totalAccepted, totalRate] = metrics.map((metric) =>
    currentLine(page, `code_suggestions.${metric}`),
  );
  /** @type {(name: string, shown?: Line, accepted?: Line, rate?: Line) => Cell[]} */
  const row = (name, shown, accepted, rate) => [
    textCell(name),
    valueCell(shown, "plain"),
    valueCell(accepted, "plain"),
    valueCell(rate, "percent", { brief: true }),
    numberCell(rate ? percentFormat.format(rate.basis ?? 1) : UNKNOWN, rate?.basis ?? 1),
  ];
  const names = namesByValue(shown, accepted).filter((name) => !only || name === only);
  const rows = names.map((name) =>
    row(valueLabel(name, "language"), shown.get(name), accepted.get(name), rate.get(name)),
  );
  return tableFigure(
    {
      id: "code-lines",
      caption: withPeriod(page, "Lines of code in suggestions", shown.values()),
      note: "Of suggestions that report their size; the last column is their share.",
      columns: [textColumn("Language"), ...["Shown", "Accepted", "Rate", "Report size"].map(numberColumn)],
      rows,
      limit: 6,
      total: totalShown && !only ? row("All", totalShown, totalAccepted, totalRate) : null,
    },
    page,
  );
}
