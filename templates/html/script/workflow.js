// Rates by language, feature and flow, compared with another period.

import {
  capitalize,
  changeText,
  decimalFormat,
  incomparableReason,
  periodName,
  UNKNOWN,
  valueLabel,
  valueText,
} from "./format.js";
import { isSmallSample } from "./metrics.js";
import { currentSplit, emptyNote, MAX_ROWS, omittedRows, withPeriod } from "./sections.js";
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
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 * @import {Cell} from "./table.js"
 */

/**
 * The lines of a metric by one dimension in the period to compare with.
 * @param {Page} page
 * @param {string} metric
 * @param {string} key
 * @returns {Map<string, Line>}
 */
function previousSplit(page, metric, key) {
  return page.before ? page.metrics.split(page.group, metric, page.before, key) : new Map();
}

/**
 * Why some rows have no change; undefined where all have one.
 * @param {string[]} names
 * @param {Map<string, Line>} before
 * @param {Map<string, Line>} now
 */
function comparisonNote(names, before, now) {
  const reason = names.map((name) => incomparableReason(before.get(name), now.get(name))).find(Boolean);
  return reason && `Not compared: ${reason}.`;
}

/**
 * Rates by a dimension in the selected period and in the one to compare with.
 * @param {Page} page
 * @param {{
 *   id: string, caption: string, key: "language"|"flow", heading: string, rate: string, volume: string, unit: string
 * }} table `volume` is the metric by which rows are sorted, `unit` the heading over the denominator of the rate
 */
function rateComparison(page, { id, caption, key, heading, rate, volume, unit }) {
  const [rates, volumes] = [currentSplit(page, rate, key), currentSplit(page, volume, key)];
  const before = previousSplit(page, rate, key);
  const only = page.selected[key];
  const names = namesByValue(volumes, rates).filter((name) => !only || name === only);
  const columns = [textColumn(heading), numberColumn("Rate"), numberColumn(unit)];
  if (before.size > 0 && page.before)
    columns.push(numberColumn(capitalize(periodName(page.before))), numberColumn("Change"));
  return tableFigure(
    {
      id,
      caption: withPeriod(page, caption),
      note: before.size > 0 ? comparisonNote(names, before, rates) : undefined,
      columns,
      more: omittedRows(names.length),
      rows: names.slice(0, MAX_ROWS).map((name) => {
        const [line, earlier] = [rates.get(name), before.get(name)];
        const denominator =
          line?.of != null
            ? decimalFormat.format(line.of)
            : valueText(line?.hidden ? line : undefined, "plain", page.small);
        /** @type {Cell} */
        const change = {
          kind: "number",
          text: changeText(earlier, line, "percent") || UNKNOWN,
          pale: isSmallSample(earlier) || isSmallSample(line),
        };
        return [
          textCell(valueLabel(name, key)),
          barCell(line, "percent", 1, { brief: true }),
          valueCell(line, "percent", { text: denominator, note: undefined }),
          ...(before.size > 0 ? [valueCell(earlier, "percent", { brief: true }), change] : []),
        ];
      }),
    },
    page,
  );
}

/** @param {Page} page */
export function languageComparison(page) {
  return (
    rateComparison(page, {
      id: "language-rates",
      caption: "Acceptance rate by language, most used first",
      key: "language",
      heading: "Language",
      rate: "code_suggestions.acceptance_rate",
      volume: "code_suggestions.shown",
      unit: "Suggestions shown",
    }) ?? emptyNote("No language was reported for this period.")
  );
}

/** @param {Page} page */
export function flowComparison(page) {
  return (
    rateComparison(page, {
      id: "flow-rates",
      caption: "Success rate by flow, most used first",
      key: "flow",
      heading: "Flow",
      rate: "agents.success_rate",
      volume: "agents.sessions",
      unit: "Ended sessions",
    }) ??
    emptyNote(
      "No success rates by flow: the source does not report which sessions failed. Import Duo Agent Platform events to see them.",
    )
  );
}

/** @param {Page} page */
export function featureComparison(page) {
  const only = page.selected.feature;
  const active = currentSplit(page, "users.active", "feature");
  const before = previousSplit(page, "users.active", "feature");
  const names = namesByValue(active).filter((name) => !only || name === only);
  // Without a comparison, this would repeat the table of features.
  if (before.size === 0 || !page.before) return null;
  const max = maxValue([...active.values(), ...before.values()]);
  return tableFigure(
    {
      id: "feature-people",
      caption: withPeriod(page, "Active people by feature"),
      note: comparisonNote(names, before, active),
      columns: [
        textColumn("Feature"),
        numberColumn("Active people"),
        numberColumn(capitalize(periodName(page.before))),
        numberColumn("Change"),
      ],
      more: omittedRows(names.length),
      rows: names.slice(0, MAX_ROWS).map((name) => {
        /** @type {Cell} */
        const change = {
          kind: "number",
          text: changeText(before.get(name), active.get(name), "plain") || UNKNOWN,
        };
        return [
          textCell(valueLabel(name, "feature")),
          barCell(active.get(name), "plain", max),
          valueCell(before.get(name), "plain"),
          change,
        ];
      }),
    },
    page,
  );
}
