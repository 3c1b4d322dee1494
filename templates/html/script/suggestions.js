// Code suggestions: acceptance, volume, lines, languages and editors.

import { percentFormat, UNKNOWN, valueLabel } from "./format.js";
import {
  currentLine,
  currentSplit,
  emptyFigure,
  filterChip,
  heatMap,
  MAX_ROWS,
  omittedRows,
  sideBySide,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  maxValue,
  namesByValue,
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
  if (language) yield filterChip(`Language: ${valueLabel(language, "language")}`);
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
  yield suggestionTable(page, "language", "Language", "Code suggestions by language", { only: language });
  yield languageHeatMap(page, language);
  yield suggestionTable(page, "ide", "Editor", `Code suggestions by editor${suffix}`, { fixed: by });
  yield codeLineTable(page, language);
}

/**
 * @param {Page} page
 * @param {string} key
 * @param {string} heading
 * @param {string} caption
 * @param {{only?: string, fixed?: Dimensions}} filter
 */
function suggestionTable(page, key, heading, caption, { only, fixed = {} }) {
  const [shown, accepted, rejected, rate, people] = [
    "shown",
    "accepted",
    "rejected",
    "acceptance_rate",
    "users",
  ].map((metric) => currentSplit(page, `code_suggestions.${metric}`, key, fixed));
  const names = namesByValue(shown, accepted).filter((name) => !only || name === only);
  if (names.length === 0)
    return key === "ide" ? emptyFigure("by-ide", caption, "No editor was reported for this period.") : null;
  const max = maxValue(shown.values());
  const columns = [
    textColumn(heading),
    numberColumn("Shown"),
    numberColumn("Accepted"),
    numberColumn("Rejected"),
    numberColumn("Acceptance rate"),
  ];
  if (people.size > 0) columns.push(numberColumn("People"));
  return tableFigure(
    {
      id: `by-${key}`,
      caption: withPeriod(page, caption),
      columns,
      more: omittedRows(names.length),
      rows: names
        .slice(0, MAX_ROWS)
        .map((name) => [
          textCell(valueLabel(name, key)),
          barCell(shown.get(name), "plain", max),
          valueCell(accepted.get(name), "plain"),
          valueCell(rejected.get(name), "plain"),
          barCell(rate.get(name), "percent", 1),
          ...(people.size > 0 ? [valueCell(people.get(name), "plain")] : []),
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
    .slice(0, 15);
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

const MAX_LANGUAGES = 12;

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
    valueCell(rate, "percent"),
    { kind: "number", text: rate ? percentFormat.format(rate.basis ?? 1) : UNKNOWN },
  ];
  const names = namesByValue(shown, accepted).filter((name) => !only || name === only);
  const rows = names
    .slice(0, only ? 1 : MAX_LANGUAGES)
    .map((name) => row(valueLabel(name, "language"), shown.get(name), accepted.get(name), rate.get(name)));
  if (totalShown && !only) rows.unshift(row("all languages", totalShown, totalAccepted, totalRate));
  return tableFigure(
    {
      id: "code-lines",
      caption: withPeriod(page, "Lines of code in suggestions that report their size"),
      columns: [
        textColumn("Language"),
        numberColumn("Lines shown"),
        numberColumn("Lines accepted"),
        numberColumn("Line acceptance rate"),
        numberColumn("Suggestions that report their size"),
      ],
      rows,
      more: names.length > MAX_LANGUAGES && !only ? "More languages are in metrics.csv." : "",
    },
    page,
  );
}
