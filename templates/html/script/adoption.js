// Adoption and seats: active people, frequency of use, movement, retention and idle seats.

import { element } from "./elements.js";
import {
  decimalFormat,
  FORMATTERS,
  longDay,
  periodName,
  reasonText,
  shortDay,
  valueLabel,
} from "./format.js";
import { addDays } from "./metrics.js";
import {
  currentLine,
  currentSplit,
  emptyFigure,
  emptyNote,
  monthlyMetrics,
  timeSeriesFigure,
  withPeriod,
} from "./sections.js";
import {
  barCell,
  dateCell,
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

/** @type {[string, string][]} Segments with their tones. */
export const SEGMENTS = [
  ["heavy", "s1"],
  ["regular", "s2"],
  ["experimenting", "s3"],
  ["inactive", "s4"],
];

/**
 * Purchased, assigned, activated and active seats, with bars on one scale.
 * @param {Page} page
 */
export function seatFunnel(page) {
  // A seat list carries the day of its collection, which can be after the period.
  const end = addDays(page.period.end, 2);
  const days = page.metrics.periods("day");
  // Without one by then, the next one: the table states its day.
  const latest = [
    ...days.filter((day) => day.start <= end).reverse(),
    ...days.filter((day) => day.start > end),
  ];
  /** @param {string} metric */
  const newest = (metric) => {
    for (const day of latest) {
      const lines = page.metrics.split(page.group, metric, day, "add_on");
      if (lines.size > 0) return lines;
    }
    return new Map();
  };
  /** @type {{stage: string, lines: Map<string, Line>}[]} */
  const stages = [
    { stage: "Purchased", lines: newest("seats.purchased") },
    { stage: "Assigned", lines: newest("seats.assigned") },
  ];
  const [activated, active] = [currentLine(page, "seats.activated"), currentLine(page, "seats.active")];
  const max = Math.max(
    maxValue(stages.flatMap(({ lines }) => [...lines.values()])),
    activated?.of ?? 0,
    active?.of ?? 0,
  );
  const rows = stages.flatMap(({ stage, lines }) =>
    namesByValue(lines).map((addOn) => {
      const line = lines.get(addOn);
      return [
        textCell(stage, valueLabel(addOn, "add_on").toLowerCase()),
        barCell(line, "plain", max),
        dateCell(line ? longDay(line.period.end) : ""),
      ];
    }),
  );
  for (const { stage, note, line } of [
    { stage: "Activated", note: "holder has used Duo since the seat was first seen", line: activated },
    { stage: "Active", note: "holder used Duo in the period", line: active },
  ]) {
    if (!line) continue;
    /** @type {Partial<Cell>} */
    const count =
      line.value !== null && line.n !== null && line.of !== null
        ? {
            text: decimalFormat.format(line.n),
            note: `${FORMATTERS.percent(line.value)} of ${decimalFormat.format(line.of)}`,
            bar: max > 0 ? line.n / max : 0,
          }
        : { note: undefined, bar: 0 };
    rows.push([textCell(stage, note), valueCell(line, "percent", count), textCell(periodName(line.period))]);
  }
  const table = tableFigure(
    {
      id: "seats",
      caption: "Seats: purchased, assigned, activated, active",
      follows: ["period"],
      columns: [textColumn("Seats"), numberColumn("Count"), textColumn("As of")],
      rows,
    },
    page,
  );
  const hasList = stages.some(({ lines }) => lines.size > 0);
  const reason = page.data.seats || "Seats were not collected for this period, so there are no seat metrics.";
  return [table, hasList ? null : emptyNote(element("strong", {}, "No seat list. "), reason)];
}

/** @param {Page} page */
export function activePeopleChart(page) {
  return timeSeriesFigure(
    page,
    {
      id: "active-people",
      title: "Active and reached people by day",
      note: "Active people used Duo intentionally. Reached people also include those for whom it ran automatically.",
    },
    [
      ["reached", "quiet", "users.exposed"],
      ["active", "main", "users.active"],
    ],
  );
}

/** @param {Page} page */
export function segmentChart(page) {
  return timeSeriesFigure(
    page,
    {
      id: "segments-by-week",
      grain: "week",
      form: "stacked",
      title: "People by how often they use Duo, by week",
      note: "All known people, by active days in the 28 days to the end of the week: heavy from 12, regular from 4, experimenting from 1.",
    },
    SEGMENTS.map(([segment, tone]) => [segment, tone, "engagement.users", { segment, population: "people" }]),
  );
}

/** @param {Page} page */
export function segmentTable(page) {
  const populations = [
    { label: "All known people", population: "people" },
    { label: "Seat holders", population: "seat_holders" },
  ].map(({ label, population }) => {
    const lines = currentSplit(page, "engagement.users", "segment", { population });
    return { label, lines, whole: [...lines.values()].reduce((sum, line) => sum + (line.value ?? 0), 0) };
  });
  const [people, holders] = populations;
  const columns = holders.lines.size > 0 ? populations : [people];
  return tableFigure(
    {
      id: "segments",
      caption: withPeriod(page, "People by how often they use Duo", people.lines.values()),
      columns: [textColumn("Segment"), ...columns.map(({ label }) => numberColumn(label))],
      rows: SEGMENTS.filter(([segment]) => people.lines.has(segment)).map(([segment]) => [
        textCell(segment),
        ...columns.map(({ lines, whole }) => barCell(lines.get(segment), "plain", whole)),
      ]),
    },
    page,
  );
}

/** @param {Page} page */
export function movementTable(page) {
  const last = page.metrics.countedPeriods("window").at(-1);
  if (!last) return null;
  const window = page.metrics.newestPeriod(page.group, "engagement.movement", last, [
    "from",
    "to",
    "population",
  ]);
  /** @type {(from: string, to: string) => Line|undefined} */
  const line = (from, to) =>
    page.metrics.line(page.group, "engagement.movement", window, { from, to, population: "people" });
  const names = SEGMENTS.map(([segment]) => segment);
  const lines = names.flatMap((from) => names.flatMap((to) => line(from, to) ?? []));
  if (lines.length === 0) return null;
  if (lines.every((line) => line.value === null && !line.hidden))
    return emptyFigure(
      "movement",
      "Movement between segments",
      `Not available yet: ${reasonText(lines[0])}. It compares two periods of 28 days.`,
    );
  const max = maxValue(lines);
  return tableFigure(
    {
      id: "movement",
      heat: true,
      caption: "Movement between segments",
      note: `All known people. Rows: segment 28 days ago. Columns: segment in the ${periodName(window)}.`,
      columns: [textColumn("From, to"), ...names.map(numberColumn)],
      rows: names.map((from) => [
        textCell(from),
        ...names.map((to) => {
          const value = line(from, to)?.value;
          return valueCell(line(from, to), "plain", { brief: true, heat: value ? value / max : undefined });
        }),
      ]),
    },
    page,
  );
}

/** @param {Page} page */
export function stickinessChart(page) {
  return timeSeriesFigure(
    page,
    {
      id: "stickiness",
      grain: "month",
      form: "line",
      style: "percent",
      title: "Stickiness by month",
      note: "Average number of people active on a working day, as a share of the people active in the month.",
    },
    [["stickiness", "main", "users.stickiness"]],
  );
}

/** The newest cohorts and the first weeks or months of each that fit. */
const MAX_COHORTS = 13;

/**
 * @typedef {{cohort: string, ages: Map<number, Line>}} Cohort
 * @param {Page} page
 * @param {"week"|"month"} grain
 * @returns {Cohort[]} the newest ones that are known
 */
function cohortsOf(page, grain) {
  /** @type {Map<string, Map<number, Line>>} */
  const cohorts = new Map();
  for (const series of page.metrics.seriesOf(page.group, "engagement.retention", grain)) {
    for (const line of page.metrics.linesOf(series)) {
      if (line.value === null && !line.hidden) continue;
      const ages = cohorts.get(series.by.cohort) ?? new Map();
      cohorts.set(series.by.cohort, ages.set(Number(series.by[grain]), line));
    }
  }
  return [...cohorts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(-MAX_COHORTS)
    .map(([cohort, ages]) => ({ cohort, ages }));
}

/**
 * How many cells of these cohorts are suppressed, from 0 to 1; 1 without any cell.
 * @param {Cohort[]} cohorts
 */
function shareHidden(cohorts) {
  const lines = cohorts.flatMap(({ ages }) => [...ages.values()]);
  return lines.length === 0 ? 1 : lines.filter((line) => line.hidden).length / lines.length;
}

/**
 * A row for each cohort and a column for each week since: a triangle. Months in place of weeks if most weekly cohorts
 * have too few people, and the monthly ones do not.
 * @param {Page} page
 */
export function retentionTable(page) {
  const [weeks, months] = [cohortsOf(page, "week"), cohortsOf(page, "month")];
  const byMonth = shareHidden(weeks) > 0.5 && shareHidden(months) < shareHidden(weeks);
  const [shown, unit] = byMonth ? [months, "month"] : [weeks, "week"];
  if (shown.length === 0)
    return emptyFigure(
      "retention",
      "Retention",
      "Not available yet: the first week of a person is known only if the 28 days before it were collected.",
    );
  const oldest = Math.max(...shown.flatMap(({ ages }) => [...ages.keys()]));
  const ages = Array.from({ length: Math.min(oldest + 1, MAX_COHORTS) }, (_, age) => age);
  const reason = byMonth ? " By month, because most weekly groups have too few people to be shown." : "";
  return tableFigure(
    {
      id: "retention",
      heat: true,
      limit: MAX_COHORTS,
      caption: `Retention: people still active, by ${unit}s since their first ${unit}`,
      note: `Each row is the people whose first active ${unit} it was. Hover over a cell for the counts.${reason}`,
      columns: [textColumn(`First ${unit}`), ...ages.map((age) => numberColumn(String(age)))],
      rows: shown.map(({ cohort, ages: known }) => [
        byMonth ? textCell(cohort.slice(0, 7)) : dateCell(shortDay(cohort), cohort.slice(0, 4)),
        ...ages.map((age) => {
          const line = known.get(age);
          return line
            ? valueCell(line, "percent", { brief: true, heat: line.value ?? undefined })
            : textCell("");
        }),
      ]),
    },
    page,
  );
}

/** @type {Record<string, string>} */
const IDLE_TIERS = {
  certain: "no use for 60 days or more, or none ever with a seat for 30 days or more",
  probable: "no use for 28 to 59 days",
};

/** @param {Page} page */
export function idleSeatTable(page) {
  const last = page.metrics.countedPeriods("window").at(-1);
  if (!last) return null;
  const window = page.metrics.newestPeriod(page.group, "seats.idle", last, ["tier"]);
  const tiers = page.metrics.split(page.group, "seats.idle", window, "tier");
  const max = maxValue(tiers.values());
  return tableFigure(
    {
      id: "idle-seats",
      caption: `Idle seats, ${periodName(window)}`,
      note: [
        "This site contains no names. ",
        element("code", {}, "duo-metrics export --people"),
        " creates the restricted list.",
      ],
      columns: [textColumn("Idle"), numberColumn("Seats")],
      rows: [...tiers.keys()]
        .sort()
        .map((tier) => [textCell(tier, IDLE_TIERS[tier] ?? ""), barCell(tiers.get(tier), "plain", max)]),
    },
    page,
  );
}

/** @param {Page} page */
export function firstUseTable(page) {
  return monthlyMetrics(page, "first-use", "Time from seat to first use, by month", [
    ["Median", "seats.days_to_first_use", "days"],
  ]);
}
