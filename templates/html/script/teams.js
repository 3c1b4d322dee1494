// Teams: people, active people with an interval, and frequent use, by name.

import { forestFigure, shareInterval } from "./forest.js";
import { decimalFormat, FORMATTERS, UNKNOWN, wholePercentFormat } from "./format.js";
import { currentSplit, withPeriod } from "./sections.js";
import {
  barCell,
  maxValue,
  numberCell,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/** @import {Page} from "./sections.js" */

/** Teams in the plot; the table has all. */
const MAX_TEAMS = 16;

/**
 * The active share of each team with its interval, by name: a ranking would compare teams that do other work. Null without
 * teams whose values are known.
 * @param {Page} page
 */
export function teamShares(page) {
  const people = currentSplit(page, "teams.people", "team");
  const active = currentSplit(page, "users.active", "team");
  const teams = [...people.keys()]
    .sort((a, b) => a.localeCompare(b))
    .flatMap((name) => {
      const [all, some] = [people.get(name)?.value, active.get(name)?.value];
      return all && typeof some === "number" && some <= all ? [{ name, all, some }] : [];
    });
  return forestFigure(
    {
      id: "team-shares",
      title: withPeriod(page, "Active people by team", people.values()),
      note: "The share of the people of a team, with a 95% interval: the fewer people, the wider. Ordered by name.",
      sentence: "",
      estimates: teams.slice(0, MAX_TEAMS).map(({ name, all, some }) => {
        const [low, high] = shareInterval(some, all);
        const text = `${decimalFormat.format(some)} of ${decimalFormat.format(all)}`;
        return { name, low, middle: some / all, high, text };
      }),
      lines: [...people.values(), ...active.values()],
      format: (value) => wholePercentFormat.format(value),
      fromZero: true,
    },
    page,
  );
}

/**
 * A row for each team, by name. Null without teams.
 * @param {Page} page
 */
export function teamTable(page) {
  const people = currentSplit(page, "teams.people", "team");
  const active = currentSplit(page, "users.active", "team");
  const segments = ["regular", "heavy"].map((segment) =>
    currentSplit(page, "engagement.users", "team", { segment, population: "people" }),
  );
  const max = maxValue(people.values());
  return tableFigure(
    {
      id: "teams",
      caption: withPeriod(page, "People by team", people.values()),
      note: "People can be in several teams, and a team can be part of another one, so teams do not add up.",
      columns: [
        textColumn("Team"),
        numberColumn("People"),
        numberColumn("Active"),
        numberColumn("Share"),
        numberColumn("Regular and heavy"),
      ],
      rows: [...people.keys()]
        .sort((a, b) => a.localeCompare(b))
        .map((team) => {
          const [all, some] = [people.get(team)?.value, active.get(team)?.value];
          const often = segments.map((lines) => lines.get(team)?.value);
          const isKnown = often.every((value) => typeof value === "number");
          const sum = often.reduce((sum, value) => Number(sum) + Number(value), 0);
          const share = all && typeof some === "number" ? some / all : undefined;
          return [
            textCell(team),
            barCell(people.get(team), "plain", max),
            valueCell(active.get(team), "plain"),
            numberCell(share === undefined ? UNKNOWN : FORMATTERS.percent(share), share),
            numberCell(
              isKnown ? decimalFormat.format(Number(sum)) : UNKNOWN,
              isKnown ? Number(sum) : undefined,
            ),
          ];
        }),
    },
    page,
  );
}
