// Which language, feature and flow does well, in the chosen period and against another one.

import { isSmall } from "./figures.js";
import { captioned, leftOut, MOST_ROWS, nothing, parts } from "./sections.js";
import { barred, bySize, figure, largest, numbers, tableFigure, text, words } from "./table.js";
import {
  capital,
  changeText,
  periodName,
  plainNumber,
  UNKNOWN,
  valueName,
  valueText,
  whyNotCompared,
} from "./words.js";

/** Rates of a dimension in the chosen period and in the one to compare with; those of small numbers are pale. */
function ratesCompared(page, { id, caption, key, heading, rate, volume, unit }) {
  const [rates, volumes] = [parts(page, rate, key), parts(page, volume, key)];
  const before = page.before ? page.figures.split(page.group, rate, page.before, key) : new Map();
  const chosen = page.choice[key];
  const names = bySize(volumes, rates).filter((name) => !chosen || name === chosen);
  const columns = [words(heading), numbers("Rate"), numbers(unit)];
  if (before.size > 0) columns.push(numbers(capital(periodName(page.before))), numbers("Change"));
  const why = names.map((name) => whyNotCompared(before.get(name), rates.get(name))).find(Boolean);
  return tableFigure(
    {
      id,
      caption: captioned(page, caption),
      note: before.size > 0 && why ? `Not compared: ${why}.` : undefined,
      columns,
      more: leftOut(names.length),
      rows: names.slice(0, MOST_ROWS).map((name) => [
        text(valueName(name, key)),
        barred(rates.get(name), "percent", 1, { brief: true }),
        {
          ...figure(rates.get(name), "percent"),
          text:
            rates.get(name)?.of != null
              ? plainNumber.format(rates.get(name).of)
              : valueText(rates.get(name)?.hidden ? rates.get(name) : undefined, "plain", page.small),
          note: undefined,
        },
        ...(before.size > 0
          ? [
              figure(before.get(name), "percent", { brief: true }),
              {
                kind: "number",
                text: changeText(before.get(name), rates.get(name), "percent") || UNKNOWN,
                pale: isSmall(before.get(name)) || isSmall(rates.get(name)),
              },
            ]
          : []),
      ]),
    },
    page,
  );
}

export function languagesCompared(page) {
  return (
    ratesCompared(page, {
      id: "language-rates",
      caption: "Acceptance by language, most used first",
      key: "language",
      heading: "Language",
      rate: "code_suggestions.acceptance_rate",
      volume: "code_suggestions.shown",
      unit: "Suggestions shown",
    }) ?? nothing("No language is told for this period.")
  );
}

export function flowsCompared(page) {
  return (
    ratesCompared(page, {
      id: "flow-rates",
      caption: "Success by flow, most used first",
      key: "flow",
      heading: "Flow",
      rate: "agents.success_rate",
      volume: "agents.sessions",
      unit: "Sessions that ended",
    }) ?? nothing("Which flow does well is not known: nothing in the data tells of sessions one by one.")
  );
}

export function featuresCompared(page) {
  const chosen = page.choice.feature;
  const active = parts(page, "users.active", "feature");
  const before = page.before
    ? page.figures.split(page.group, "users.active", page.before, "feature")
    : new Map();
  const names = bySize(active).filter((name) => !chosen || name === chosen);
  // Without a period to compare with it would be the table of features again.
  if (before.size === 0) return null;
  const columns = [
    words("Feature"),
    numbers("Active people"),
    numbers(capital(periodName(page.before))),
    numbers("Change"),
  ];
  const most = largest([...active.values(), ...before.values()]);
  const why = names.map((name) => whyNotCompared(before.get(name), active.get(name))).find(Boolean);
  return tableFigure(
    {
      id: "feature-people",
      caption: captioned(page, "Active people by feature"),
      note: why && `Not compared: ${why}.`,
      columns,
      more: leftOut(names.length),
      rows: names.slice(0, MOST_ROWS).map((name) => [
        text(valueName(name, "feature")),
        barred(active.get(name), "plain", most),
        figure(before.get(name), "plain"),
        {
          kind: "number",
          text: changeText(before.get(name), active.get(name), "plain") || UNKNOWN,
        },
      ]),
    },
    page,
  );
}
