// Code suggestions: acceptance, volume, lines, languages, editors.

import {
  captioned,
  heatMap,
  leftOut,
  MOST_ROWS,
  narrowed,
  noted,
  now,
  pair,
  parts,
  timed,
} from "./sections.js";
import { barred, bySize, figure, largest, numbers, tableFigure, text, words } from "./table.js";
import { percentNumber, UNKNOWN, valueName } from "./words.js";

export function* suggestions(page) {
  const { language } = page.choice;
  const changes = page.data.changes.filter((change) => change.group === page.group);
  const grain = language ? "week" : "day";
  const by = language ? { language } : {};
  const of = language ? `: ${valueName(language, "language")}` : "";
  const note = language ? "By week, as days are not split: few people would be behind them. " : "";
  const chart = { grain, by, changes };
  yield language && narrowed(`Language: ${valueName(language, "language")}`);
  yield pair(
    timed(
      page,
      {
        ...chart,
        id: "acceptance",
        form: "line",
        style: "percent",
        title: `Acceptance rate by ${grain}${of}`,
        note: `${note}Accepted of shown.`,
      },
      [["acceptance rate", "main", "code_suggestions.acceptance_rate"]],
    ),
    timed(
      page,
      {
        ...chart,
        id: "suggestions-shown",
        title: `Code suggestions shown and accepted by ${grain}${of}`,
        note: `${note}Accepted is a part of shown.`,
      },
      [
        ["shown", "quiet", "code_suggestions.shown"],
        ["accepted", "main", "code_suggestions.accepted"],
      ],
    ),
  );
  yield suggestionsBy(
    page,
    "language",
    "Language",
    "Code suggestions by language",
    language ? { only: language } : {},
  );
  yield languageWeeks(page, language);
  yield suggestionsBy(page, "ide", "Editor", `Code suggestions by editor${of}`, {
    also: by,
  });
  yield codeLines(page, language);
}

function suggestionsBy(page, key, heading, caption, { only, also = {} }) {
  const split = (metric) => parts(page, `code_suggestions.${metric}`, key, also);
  const [shown, accepted, rejected, rate, people] = [
    "shown",
    "accepted",
    "rejected",
    "acceptance_rate",
    "users",
  ].map(split);
  const names = bySize(shown, accepted).filter((name) => !only || name === only);
  if (names.length === 0)
    return key === "ide" ? noted("by-ide", caption, "No editor is told for this period.") : null;
  const most = largest(shown.values());
  const columns = [
    words(heading),
    numbers("Shown"),
    numbers("Accepted"),
    numbers("Rejected"),
    numbers("Acceptance rate"),
  ];
  if (people.size > 0) columns.push(numbers("People"));
  return tableFigure(
    {
      id: `by-${key}`,
      caption: captioned(page, caption),
      columns,
      more: leftOut(names.length),
      rows: names
        .slice(0, MOST_ROWS)
        .map((name) => [
          text(valueName(name, key)),
          barred(shown.get(name), "plain", most),
          figure(accepted.get(name), "plain"),
          figure(rejected.get(name), "plain"),
          barred(rate.get(name), "percent", 1),
          ...(people.size > 0 ? [figure(people.get(name), "plain")] : []),
        ]),
    },
    page,
  );
}

function languageWeeks(page, only) {
  const names = bySize(parts(page, "code_suggestions.accepted", "language"))
    .filter((name) => !only || name === only)
    .slice(0, 15);
  return heatMap(page, {
    id: "language-weeks",
    caption: "Suggestions accepted by language and week",
    metric: "code_suggestions.accepted",
    key: "language",
    style: "plain",
    names,
    heading: "Language",
  });
}

function codeLines(page, only) {
  const split = (metric) => parts(page, `code_suggestions.${metric}`, "language");
  const [shown, accepted, rate] = ["lines_shown", "lines_accepted", "line_acceptance_rate"].map(split);
  const total = (metric) => now(page, `code_suggestions.${metric}`);
  const row = (name, shown, accepted, rate) => [
    text(name),
    figure(shown, "plain"),
    figure(accepted, "plain"),
    figure(rate, "percent"),
    {
      kind: "number",
      text: rate ? percentNumber.format(rate.basis ?? 1) : UNKNOWN,
    },
  ];
  const names = bySize(shown, accepted).filter((name) => !only || name === only);
  const rows = names
    .slice(0, only ? 1 : 12)
    .map((name) => row(valueName(name, "language"), shown.get(name), accepted.get(name), rate.get(name)));
  if (total("lines_shown") && !only)
    rows.unshift(
      row("all languages", total("lines_shown"), total("lines_accepted"), total("line_acceptance_rate")),
    );
  return tableFigure(
    {
      id: "code-lines",
      caption: captioned(page, "Lines of code in suggestions that tell their size"),
      columns: [
        words("Lines of code"),
        numbers("Lines shown"),
        numbers("Lines accepted"),
        numbers("Of lines shown"),
        numbers("Suggestions that tell it"),
      ],
      rows,
      more: names.length > 12 && !only ? "More languages are in the file of all numbers." : "",
    },
    page,
  );
}
