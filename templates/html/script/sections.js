// What the sections of both dashboards are put together from.

import { chartFigure, sparkline } from "./chart.js";
import { element } from "./elements.js";
import { isImported, periodsCovering, plusDays } from "./figures.js";
import { markShown } from "./filter-notes.js";
import { comparedWith, hasFigures } from "./state.js";
import { barred, date, exactText, figure, largest, numbers, tableFigure, text, words } from "./table.js";
import {
  capital,
  changeText,
  counted,
  daysText,
  partsText,
  periodName,
  remarks,
  shortDay,
  spanText,
  UNKNOWN,
  valueName,
  valueText,
  wholePercent,
  whyNotCompared,
} from "./words.js";

/** @import {Figures, Grain, Period, Line} from "./figures.js" */
/** @import {Choice} from "./state.js" */

/**
 * What a section is made of.
 * @typedef {{
 *   data: Object, figures: Figures, small: number, choice: Choice, group: number, period: Period,
 *   before: ?Period, slots: (grain: Grain) => Period[], chosen: {part: string, words: string}[],
 *   shown: {host: Element, lines: Line[], follows: string[]}[]
 * }} Page `chosen` are the filters that differ from the start, `shown` the figures of the section so far
 */

/** Days, weeks or months that the charts show: the newest ones up to the end of the period. */
export function slotsOf(data, choice, period, grain) {
  if (!data.first) return [];
  const last = period && period.end < data.last ? period.end : data.last;
  const days = { 13: 91, 53: 371 }[choice.span];
  const first = days ? plusDays(last, 1 - days) : data.first;
  return periodsCovering(
    grain,
    first > data.first ? first : data.first,
    choice.span === "all" ? data.last : last,
  );
}

/** A chart of lines without dimensions, or with these. */
export function timed(page, chart, layers) {
  const { grain = "day", by = {} } = chart;
  return chartFigure(
    {
      form: "columns",
      style: "plain",
      changes: [],
      chosen: page.period,
      ...chart,
      slots: page.slots(grain),
      layers: layers.map(([name, tone, metric, more = {}]) => ({
        name,
        tone,
        series: (slot) => page.figures.line(page.group, metric, slot, { ...by, ...more }),
      })),
    },
    page,
  );
}

/** The line of a metric in the chosen period. */
export function now(page, metric, by = {}) {
  return page.figures.line(page.group, metric, page.period, by);
}

/** The lines of a metric in the chosen period, by one dimension. */
export function parts(page, metric, key, also = {}) {
  return page.figures.split(page.group, metric, page.period, key, also);
}

export function nothing(...content) {
  return element("p", { class: "nothing" }, content);
}

export function pair(...items) {
  const shown = items.filter(Boolean);
  return shown.length > 1 ? element("div", { class: "pair" }, shown) : shown;
}

/** A remark that a filter narrows what follows. */
export function narrowed(...texts) {
  return element(
    "p",
    { class: "narrowed" },
    texts.filter(Boolean).map((text) => element("span", { class: "chip" }, text)),
  );
}

/** The caption of a table with its period. */
export function captioned(page, words) {
  return `${words}, ${periodName(page.period)}`;
}

/** Rows of a table up to so many; what is left out is said. */
export const MOST_ROWS = 40;

export function leftOut(count) {
  return count > MOST_ROWS
    ? `${counted(count - MOST_ROWS, "more row is", "more rows are")} in the file of all numbers.`
    : "";
}

// The overview

/** The figures at the top; `#` of each leads to the section behind it. */
export function tilesOf(page, headline) {
  const end = page.period.end < page.data.last ? page.period.end : page.data.last;
  const first = plusDays(end, -55);
  const days = periodsCovering("day", first > page.data.first ? first : page.data.first, end);
  return headline.map(({ label, href, metric, by, style, of }) => {
    const line = now(page, metric, by);
    const value = valueText(line, style, page.small);
    const isNumber = line && line.value !== null;
    const note = !line
      ? "no data"
      : line.hidden || line.value === null
        ? remarks(line, style)[0]
        : partsText(line, style) && style === "percent"
          ? `${partsText(line, style)} ${of}`
          : of;
    const shape = days.map((day) => page.figures.line(page.group, metric, day, by));
    const covered = isNumber ? daysText(line) : "";
    const noteOf = element("p", { class: "note" }, note);
    markShown(page, noteOf, [line]);
    return element(
      "li",
      { class: "tile" },
      element("h3", {}, element("a", { href: `#${href}` }, label)),
      element(
        "p",
        {
          class: `value${isNumber || value === UNKNOWN ? "" : " words"}`,
          title: (line && exactText(line)) || null,
        },
        value,
      ),
      noteOf,
      element("div", { class: "shape" }, sparkline(shape, style)),
      element(
        "p",
        { class: "fresh" },
        spanText(page.period),
        element("br"),
        comparison(page, metric, by, style),
        covered && [element("br"), element("span", { class: "warning" }, covered)],
      ),
    );
  });
}

/**
 * The change of a figure against the period to compare with, which is named, or why there is none; for 28 days that of
 * the newest complete month.
 */
function comparison(page, metric, by, style) {
  if (page.choice.compare === "none") return "";
  let why = "";
  const compare = (period) => {
    const before = comparedWith(period, page.choice.compare);
    const [from, to] = [before, period].map((period) => page.figures.line(page.group, metric, period, by));
    const change = changeText(from, to, style);
    if (from && to && !why) why = whyNotCompared(from, to);
    return change && `${change} on ${periodName(before)}`;
  };
  const none = () => (why ? `not compared: ${why}` : "nothing to compare with");
  const own = compare(page.period);
  if (own || page.period.grain !== "window") return own || none();
  for (const grain of ["month", "week"]) {
    const period = page.figures
      .periods(grain)
      .reverse()
      .find(
        (period) =>
          page.figures.line(page.group, metric, period, by)?.value != null &&
          page.figures.line(page.group, metric, period, by).coverage >= 1,
      );
    const change = period && compare(period);
    if (change)
      return `${capital(periodName(period))}: ${valueText(page.figures.line(page.group, metric, period, by), style, page.small)}, ${change}`;
  }
  return none();
}

/** A row for each group, where there are several. */
export function byGroup(page, caption, figures) {
  const groups = page.data.groups.map((group, at) => ({ ...group, at })).filter((group) => !group.union);
  if (groups.length < 2) return null;
  const line = (group, { metric, by }) => page.figures.line(group.at, metric, page.period, by);
  const most = largest(groups.map((group) => line(group, figures[0])));
  return tableFigure(
    {
      id: "groups",
      caption: captioned(page, caption),
      columns: [words("Group"), ...figures.map(({ label }) => numbers(label))],
      rows: groups.map((group) => [
        text(group.name),
        ...figures.map((wanted, at) =>
          at === 0
            ? barred(line(group, wanted), wanted.style, most)
            : figure(line(group, wanted), wanted.style),
        ),
      ]),
    },
    page,
  );
}

/** A row for each month, newest first. */
export function byMonth(page, figures) {
  const months = page.figures
    .periods("month")
    .filter((month) => hasFigures(page.figures, month))
    .reverse();
  const line = (month, { metric, by }) => page.figures.line(page.group, metric, month, by);
  const rows = months.map((month) => {
    const lines = figures.map((wanted) => line(month, wanted));
    const known = lines.filter(Boolean);
    const covered = Math.min(...known.filter((line) => !isImported(line)).map((line) => line.coverage));
    const unknown = known.some(isImported) ? "completeness unknown" : "";
    return [
      monthCell(month, covered < 1 ? `${wholePercent.format(covered)} of its days` : unknown),
      ...lines.map((line, at) => figure(line, figures[at].style)),
    ];
  });
  return rows.length < 2
    ? null
    : tableFigure(
        {
          id: "months",
          caption: "By month, newest first",
          columns: [words("Month"), ...figures.map(({ label }) => numbers(label))],
          rows: rows.slice(0, 37),
          more: rows.length > 37 ? "Older months are in the file of all numbers." : "",
        },
        page,
      );
}

/** The first cell of a month's row. */
function monthCell(month, note = "") {
  return date(periodName(month), note);
}

/** A heat map of a metric by one dimension over the newest weeks. */
export function heatMap(page, { id, caption, metric, key, style, names, heading }) {
  const weeks = page.slots("week").slice(-13);
  const rows = names.map((name) =>
    weeks.map((week) => page.figures.line(page.group, metric, week, { [key]: name })),
  );
  const most = largest(rows.flat());
  const shown = names
    .map((name, at) => [name, rows[at]])
    .filter(([, row]) => row.some((line) => line?.value));
  if (weeks.length < 2 || shown.length === 0) return null;
  return tableFigure(
    {
      id,
      heat: true,
      follows: ["period"],
      caption,
      note: "Each number stands in its cell; the shade only points to the large ones.",
      columns: [words(heading), ...weeks.map((week) => numbers(shortDay(week.start)))],
      rows: shown.map(([name, row]) => [
        text(valueName(name, key)),
        ...row.map((line) =>
          figure(line, style, {
            brief: true,
            heat: line?.value && most > 0 ? line.value / most : undefined,
          }),
        ),
      ]),
    },
    page,
  );
}

/** Some metrics by month, newest first; nothing where none of them is told of any. */
export function overMonths(page, id, caption, figures) {
  const months = page.figures.periods("month").reverse();
  const rows = months
    .map((month) => [
      monthCell(month),
      ...figures.map(([, metric, style]) => figure(page.figures.line(page.group, metric, month), style)),
    ])
    .filter((row) => row.some((cell) => cell.line));
  return tableFigure(
    {
      id,
      caption,
      columns: [words("Month"), ...figures.map(([label]) => numbers(label))],
      rows: rows.slice(0, 13),
    },
    page,
  );
}

/** A title with a sentence in the place of what cannot be told. */
export function noted(id, title, words) {
  return element(
    "figure",
    { id },
    element("figcaption", {}, element("h3", {}, title)),
    element("p", { class: "nothing" }, words),
  );
}
