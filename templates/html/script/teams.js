// Teams: people, active people with an interval, and frequent use, by name.

import { forestFigure, shareInterval } from "./forest.js";
import { decimalFormat, FORMATTERS, UNKNOWN, wholePercentFormat } from "./format.js";
import { currentLine, currentSplit, timeSeriesFigure, withPeriod } from "./sections.js";
import {
  barCell,
  filterCell,
  maxValue,
  numberCell,
  numberColumn,
  tableFigure,
  textCell,
  textColumn,
  valueCell,
} from "./table.js";

/**
 * @import {Style} from "./format.js"
 * @import {Page} from "./sections.js"
 */

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
            filterCell(team, "team"),
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

/** @type {[string, string, Style][]} What is known of a team. */
const TEAM_METRICS = [
  ["Active people", "users.active", "plain"],
  ["Seats in use", "seats.active", "percent"],
  ["Suggestions shown", "code_suggestions.shown", "plain"],
  ["Acceptance rate", "code_suggestions.acceptance_rate", "percent"],
  ["People in Chat", "chat.users", "plain"],
  ["Chat messages", "chat.messages", "plain"],
  ["Agent sessions", "agents.sessions", "plain"],
];

/**
 * The metrics of the selected team beside those of all people, and its active people by week; null without a team.
 * @param {Page} page
 */
export function teamProfile(page) {
  const { team } = page.selected;
  if (!team) return [];
  const rows = TEAM_METRICS.map(([label, metric, style]) => ({
    label,
    style,
    own: currentLine(page, metric, { team }),
    all: currentLine(page, metric),
  })).filter(({ own }) => own);
  return [
    tableFigure(
      {
        id: "team-metrics",
        caption: withPeriod(
          page,
          `${team} beside all people`,
          rows.map(({ own }) => own),
        ),
        columns: [textColumn("Metric"), numberColumn(team), numberColumn("All people")],
        rows: rows.map(({ label, style, own, all }) => [
          textCell(label),
          valueCell(own, style),
          valueCell(all, style),
        ]),
        follows: ["team"],
      },
      page,
    ),
    timeSeriesFigure(
      page,
      {
        id: "team-people",
        grain: "week",
        by: { team },
        title: `Active people by week: ${team}`,
        note: "By week, because daily values by team would cover too few people.",
      },
      [["active people", "main", "users.active"]],
    ),
  ];
}
