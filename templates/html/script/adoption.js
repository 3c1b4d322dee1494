// Adoption and seats: who is active, how often, who moves, who stays, and which seats are idle.

import { element } from "./elements.js";
import { plusDays } from "./figures.js";
import { captioned, narrowed, noted, nothing, now, overMonths, parts, timed } from "./sections.js";
import { barred, bySize, date, figure, largest, numbers, tableFigure, text, words } from "./table.js";
import { longDay, periodName, plainNumber, REASONS, shortDay, STYLES, valueName } from "./words.js";

export const SEGMENTS = [
  ["heavy", "s1"],
  ["regular", "s2"],
  ["experimenting", "s3"],
  ["inactive", "s4"],
];

/** Purchased, assigned, activated, in use: each as a part of the largest. */
export function seatFunnel(page) {
  const newest = (metric) => {
    const days = page.figures
      .periods("day")
      .filter((day) => day.start <= plusDays(page.period.end, 2))
      .reverse();
    const day = days.find((day) => page.figures.split(page.group, metric, day, "add_on").size > 0);
    return day ? page.figures.split(page.group, metric, day, "add_on") : new Map();
  };
  const stages = [
    ["Purchased", newest("seats.purchased")],
    ["Assigned", newest("seats.assigned")],
  ];
  const [activated, active] = [now(page, "seats.activated"), now(page, "seats.active")];
  const whole = Math.max(
    largest(stages.flatMap(([, lines]) => [...lines.values()])),
    activated?.of ?? 0,
    active?.of ?? 0,
  );
  const rows = stages.flatMap(([stage, lines]) =>
    bySize(lines).map((addOn) => [
      text(stage, valueName(addOn, "add_on").toLowerCase()),
      barred(lines.get(addOn), "plain", whole),
      date(longDay(lines.get(addOn).period.end)),
    ]),
  );
  for (const [stage, note, line] of [
    ["Activated", "holder did something since the seat is known", activated],
    ["Active", "holder did something in the period", active],
  ]) {
    if (!line) continue;
    const known = line.value !== null;
    rows.push([
      text(stage, note),
      {
        ...figure(line, "percent"),
        text: known ? plainNumber.format(line.n) : undefined,
        note: known ? `${STYLES.percent(line.value)} of ${plainNumber.format(line.of)}` : undefined,
        bar: known && whole > 0 ? line.n / whole : 0,
      },
      text(periodName(line.period)),
    ]);
  }
  const table = tableFigure(
    {
      id: "seats",
      caption: "Seats: purchased, assigned, activated, active",
      follows: ["period"],
      columns: [words("Seats"), numbers("Number"), words("As of")],
      rows,
    },
    page,
  );
  const why =
    page.data.seats || "It was not collected for this period, so nothing here is measured against seats.";
  return [
    table,
    stages.every(([, lines]) => lines.size === 0) &&
      nothing(element("strong", {}, "No list of seats. "), why),
  ];
}

export function activePeople(page) {
  const { feature } = page.choice;
  if (feature) {
    return [
      narrowed(`Feature: ${valueName(feature, "feature")}`),
      timed(
        page,
        {
          id: "active-people",
          grain: "week",
          title: `Active people by week: ${valueName(feature, "feature")}`,
          note: "By week, as days are not split: few people would be behind them.",
          by: { feature },
        },
        [["active people", "main", "users.active"]],
      ),
    ];
  }
  return timed(
    page,
    {
      id: "active-people",
      title: "Active and exposed people by day",
      note: "Active: did something with Duo on purpose. Exposed: also those to whom something was only shown, or for whom it was done.",
    },
    [
      ["exposed", "quiet", "users.exposed"],
      ["active", "main", "users.active"],
    ],
  );
}

export function segmentsNow(page) {
  const [people, holders] = ["people", "seat_holders"].map((population) =>
    parts(page, "engagement.users", "segment", { population }),
  );
  const column = (cells) => {
    const whole = [...cells.values()].reduce((sum, line) => sum + (line.value ?? 0), 0);
    return (segment) => barred(cells.get(segment), "plain", whole);
  };
  const columns = [["Everyone ever seen", column(people)]];
  if (holders.size > 0) columns.push(["With a seat", column(holders)]);
  return tableFigure(
    {
      id: "segments",
      caption: captioned(page, "People by how often they use Duo"),
      columns: [words("Segment"), ...columns.map(([label]) => numbers(label))],
      rows: SEGMENTS.filter(([segment]) => people.has(segment)).map(([segment]) => [
        text(segment),
        ...columns.map(([, cell]) => cell(segment)),
      ]),
    },
    page,
  );
}

export function movement(page) {
  const window = page.figures.periods("window").at(-1);
  if (!window) return null;
  const line = (from, to) =>
    page.figures.line(page.group, "engagement.movement", window, { from, to, population: "people" });
  const names = SEGMENTS.map(([segment]) => segment);
  const lines = names.flatMap((from) => names.map((to) => line(from, to))).filter(Boolean);
  if (lines.length === 0) return null;
  if (lines.every((line) => line.value === null && !line.hidden))
    return noted(
      "movement",
      "Movement between segments",
      `Not known yet: ${REASONS[lines[0].reason] ?? REASONS.not_known}. It looks at 56 days.`,
    );
  const most = largest(lines);
  return tableFigure(
    {
      id: "movement",
      heat: true,
      caption: "Movement between segments",
      note: `Everyone ever seen. Rows: 28 days ago. Columns: ${periodName(window)}.`,
      columns: [words("From, to"), ...names.map(numbers)],
      rows: names.map((from) => [
        text(from),
        ...names.map((to) =>
          figure(line(from, to), "plain", {
            brief: true,
            heat: line(from, to)?.value ? line(from, to).value / most : undefined,
          }),
        ),
      ]),
    },
    page,
  );
}

export function stickiness(page) {
  return timed(
    page,
    {
      id: "stickiness",
      grain: "month",
      form: "line",
      style: "percent",
      title: "Stickiness by month",
      note: "Mean of the people active on a working day, of those active in the month.",
    },
    [["stickiness", "main", "users.stickiness"]],
  );
}

/** Cohorts below each other, weeks beside each other: a triangle. */
export function retention(page) {
  const lines = new Map();
  for (const series of page.figures.all(page.group, "engagement.retention", "week")) {
    for (const line of page.figures.lines(series))
      if (line.value !== null || line.hidden) lines.set(`${series.by.cohort} ${series.by.week}`, line);
  }
  const cohorts = [...new Set([...lines.keys()].map((key) => key.split(" ")[0]))].sort().slice(-16);
  const most = Math.max(
    -1,
    ...[...lines.keys()]
      .filter((key) => cohorts.includes(key.split(" ")[0]))
      .map((key) => Number(key.split(" ")[1])),
  );
  if (cohorts.length === 0)
    return noted(
      "retention",
      "Retention",
      "Not known yet: the first week of a person is known where the 28 days before it are.",
    );
  const ages = Array.from({ length: Math.min(most, 15) + 1 }, (_, age) => age);
  return tableFigure(
    {
      id: "retention",
      heat: true,
      caption: "Retention: still active so many weeks after the first week",
      note: "Each row is the people whose first active week it was; n of N on pointing.",
      columns: [words("First week"), ...ages.map((age) => numbers(String(age)))],
      rows: cohorts.map((cohort) => [
        date(shortDay(cohort), cohort.slice(0, 4)),
        ...ages.map((age) => {
          const line = lines.get(`${cohort} ${age}`);
          return line
            ? figure(line, "percent", {
                brief: true,
                heat: line.value ?? undefined,
              })
            : { kind: "words", text: "" };
        }),
      ]),
    },
    page,
  );
}

export function idleSeats(page) {
  const window = page.figures.periods("window").at(-1);
  const tiers = window ? page.figures.split(page.group, "seats.idle", window, "tier") : new Map();
  if (tiers.size === 0) return null;
  const meaning = {
    certain: "60 days and more, or never with a seat for 30",
    probable: "28 to 59 days",
  };
  const most = largest(tiers.values());
  return tableFigure(
    {
      id: "idle-seats",
      caption: `Idle seats, ${periodName(window)}`,
      note: 'Who they are is in no file of this site: "export --people" writes that list for few eyes.',
      columns: [words("Idle"), numbers("Seats")],
      rows: [...tiers.keys()]
        .sort()
        .map((tier) => [text(tier, meaning[tier] ?? ""), barred(tiers.get(tier), "plain", most)]),
    },
    page,
  );
}

export function firstUse(page) {
  return overMonths(page, "first-use", "From seat to first use, by month", [
    ["Median", "seats.days_to_first_use", "days"],
  ]);
}
