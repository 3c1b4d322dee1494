// Unit tests of the modules of the page that need no browser: the decoder, the formats, the state and the CSV export.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  changeText,
  incomparableReason,
  NO_CLEAR_CHANGE,
  noise,
} from "../../templates/html/script/change.js";
import { rateScale } from "../../templates/html/script/chart-scale.js";
import { creditSentence } from "../../templates/html/script/cost.js";
import { toCsv } from "../../templates/html/script/csv.js";
import { shareInterval } from "../../templates/html/script/forest.js";
import * as format from "../../templates/html/script/format.js";
import { localizedNumbers } from "../../templates/html/script/locale.js";
import { impactSentence } from "../../templates/html/script/impact.js";
import {
  addDays,
  addMonths,
  daysBetween,
  isImported,
  isSettled,
  isSmallSample,
  Metrics,
  periodsBetween,
  periodStarting,
  statusOf,
} from "../../templates/html/script/metrics.js";
import {
  chartSlots,
  comparisonPeriod,
  earlierSlot,
  filtersFor,
  formatHash,
  hasData,
  parseHash,
  parsePeriod,
  spanDays,
} from "../../templates/html/script/state.js";
import {
  compareCells,
  numberCell,
  textCell,
  valueCell,
  whyEmpty,
} from "../../templates/html/script/table.js";

/** Data of a page as `src/publish/site/data.rs` writes it. */
function pageData(series, more = {}) {
  return {
    first: "2026-10-01",
    last: "2026-10-31",
    small: 5,
    groups: [
      { name: "acme", union: false },
      { name: "acme/web", union: false },
    ],
    starts: {
      day: ["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-04"],
      month: ["2026-09-01", "2026-10-01"],
      window: ["2026-10-04"],
    },
    changes: [],
    seats: "",
    headline: [],
    series,
    ...more,
  };
}

const october = periodStarting("month", "2026-10-01");
const last28Days = periodStarting("window", "2026-10-04");

/** A line with the fields that a test is about. */
function lineWith(fields) {
  return {
    metric: "users.active",
    group: 0,
    period: last28Days,
    by: {},
    value: null,
    n: null,
    of: null,
    people: null,
    coverage: 1,
    imported: 0,
    basis: null,
    final: true,
    reason: null,
    source: null,
    hidden: null,
    ...fields,
  };
}

/** Dates contain no-break spaces. */
const withSpaces = (text) => text.replaceAll("\u00a0", " ");

describe("days and periods", () => {
  test("days and months are added across years, leap days and daylight saving time", () => {
    assert.equal(addDays("2026-12-31", 1), "2027-01-01");
    assert.equal(addDays("2028-03-01", -1), "2028-02-29");
    assert.equal(addDays("2026-10-24", 2), "2026-10-26");
    assert.equal(daysBetween("2026-03-28", "2026-03-30"), 2);
    assert.equal(addMonths("2026-10-31", 4), "2027-02-01");
    assert.equal(addMonths("2026-01-01", -1), "2025-12-01");
  });

  test("a period ends with its grain", () => {
    const ends = ["day", "week", "month", "window"].map((grain) => periodStarting(grain, "2028-02-01").end);
    assert.deepEqual(ends, ["2028-02-01", "2028-02-07", "2028-02-29", "2028-02-28"]);
  });

  test("periods cover a range: weeks from Monday, whole months", () => {
    const starts = (grain) => periodsBetween(grain, "2026-10-04", "2026-11-01").map(({ start }) => start);
    assert.deepEqual(starts("week"), ["2026-09-28", "2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26"]);
    assert.deepEqual(starts("month"), ["2026-10-01", "2026-11-01"]);
    assert.equal(starts("day").length, 29);
  });
});

describe("decoder", () => {
  const decode = (series, start = "2026-10-01", grain = series.t) =>
    new Metrics(pageData([series])).line(0, series.m, periodStarting(grain, start), series.by);

  test("a count has the defaults of a complete and final period", () => {
    assert.deepEqual(
      decode({ g: 0, m: "users.active", t: "month", i: 1, v: [42] }),
      lineWith({ period: october, value: 42, n: 42 }),
    );
  });

  test("a ratio is divided, and other values are taken as they are", () => {
    const series = { g: 0, m: "rate", t: "month", v: ["/", 0.25], n: [1, 3], of: [3, 8] };
    assert.equal(decode(series, "2026-09-01").value, 1 / 3);
    const stored = decode(series);
    assert.deepEqual([stored.value, stored.n, stored.of], [0.25, 3, 8]);
  });

  test("n can be unknown", () => {
    assert.equal(decode({ g: 0, m: "cost", t: "month", i: 1, v: [9.5], n: ["-"] }).n, null);
  });

  test("a reason, a suppressed value and a missing line are different", () => {
    const series = { g: 0, m: "users.active", t: "day", v: ["under", "hidden", "not_collected", null] };
    const lines = ["01", "02", "03", "04"].map((day) => decode(series, `2026-10-${day}`));
    assert.deepEqual(
      lines.map((line) => line && [line.value, line.hidden, line.reason]),
      [[null, "under", null], [null, "hidden", null], [null, null, "not_collected"], undefined],
    );
    assert.deepEqual(lines.map(statusOf), ["hidden", "hidden", "missing", "missing"]);
  });

  test("coverage is whole days of the period, or a share", () => {
    const series = { g: 0, m: "users.active", t: "month", v: [1, 2], c: [15, 0.5], e: [6, null] };
    const [september, october] = ["2026-09-01", "2026-10-01"].map((start) => decode(series, start));
    assert.deepEqual([september.coverage, september.imported], [0.5, 0.2]);
    assert.deepEqual([october.coverage, october.imported], [0.5, 0]);
  });

  test("people, basis and finality have columns of their own", () => {
    const line = decode({ g: 0, m: "lines", t: "month", i: 1, v: [7], p: [12], b: [0.9], f: [0] });
    assert.deepEqual([line.people, line.basis, line.final], [12, 0.9, false]);
  });

  test("lines are found by exactly their dimensions", () => {
    const metrics = new Metrics(
      pageData([
        { g: 0, m: "shown", t: "month", i: 1, v: [10] },
        { g: 0, m: "shown", t: "month", i: 1, v: [3], by: { language: "c" } },
        { g: 0, m: "shown", t: "month", i: 1, v: [7], by: { language: "go" } },
        { g: 0, m: "shown", t: "month", i: 1, v: [2], by: { language: "c", ide: "vim" } },
        { g: 1, m: "shown", t: "month", i: 1, v: [99] },
      ]),
    );
    const value = (group, by) => metrics.line(group, "shown", october, by)?.value;
    assert.deepEqual(
      [value(0), value(0, { language: "go" }), value(1), value(1, { language: "go" })],
      [10, 7, 99, undefined],
    );
    const values = (split) => Object.fromEntries([...split].map(([name, line]) => [name, line.value]));
    assert.deepEqual(values(metrics.split(0, "shown", october, "language")), { go: 7, c: 3 });
    assert.deepEqual(values(metrics.split(0, "shown", october, "language", { ide: "vim" })), { c: 2 });
    assert.deepEqual(metrics.dimensionValues("language"), ["c", "go"]);
    assert.equal(metrics.line(0, "shown", periodStarting("month", "2026-09-01")), undefined);
    assert.equal(metrics.line(0, "shown", periodStarting("month", "1999-01-01")), undefined);
  });

  test("all lines of a series are decoded, without the gaps", () => {
    const metrics = new Metrics(pageData([{ g: 0, m: "messages", t: "day", i: 1, v: [5, null, 0] }]));
    const [series] = metrics.seriesOf(0, "messages", "day");
    assert.deepEqual(
      metrics.linesOf(series).map(({ period, value }) => [period.start, value]),
      [
        ["2026-10-02", 5],
        ["2026-10-04", 0],
      ],
    );
  });

  test("a metric without any value is known as such", () => {
    const metrics = new Metrics(
      pageData([
        { g: 0, m: "agents.sessions", t: "month", v: ["not_in_source", "under"] },
        { g: 0, m: "agents.success_rate", t: "month", v: ["/"], n: [1], of: [2] },
      ]),
    );
    assert.deepEqual(
      ["agents.sessions", "agents.success_rate", "agents.tokens"].map((name) => metrics.hasValues(name)),
      [false, true, false],
    );
  });

  test("imported days are not missing, and small samples are known", () => {
    const imported = lineWith({ value: 1, coverage: 0.25, imported: 0.75, final: false });
    const partial = lineWith({ value: 1, coverage: 0.25, imported: 0.5 });
    assert.deepEqual([isImported(imported), isSettled(imported)], [true, true]);
    assert.deepEqual([isImported(partial), isSettled(partial)], [false, false]);
    assert.equal(isSettled(lineWith({ value: 1, final: false })), false);
    assert.deepEqual(
      [29, 30, null].map((of) => isSmallSample(lineWith({ of }))),
      [true, false, false],
    );
    assert.equal(statusOf(lineWith({ reason: "nothing_shown" })), "nothing");
    assert.equal(statusOf(lineWith({ reason: "too_few" })), "unknown");
    assert.equal(statusOf(lineWith({ value: 0 })), "value");
  });
});

describe("formats", () => {
  const { FORMATTERS } = format;

  test("rates do not reach the ends of the scale by rounding", () => {
    assert.deepEqual([0, 0.0001, 0.25, 0.312, 0.9999, 1].map(FORMATTERS.percent), [
      "0%",
      "<0.1%",
      "25.0%",
      "31.2%",
      ">99.9%",
      "100%",
    ]);
  });

  test("durations select a unit, or share a given one", () => {
    assert.deepEqual([0, 48, 59.6, 720, 18_720, 267_840].map(FORMATTERS.duration), [
      "0 s",
      "48 s",
      "1 min",
      "12 min",
      "5.2 h",
      "3.1 days",
    ]);
    const days = format.durationUnit(200_000);
    assert.deepEqual(
      [86_400, 600_000, 60].map((seconds) => format.formatDuration(days, seconds)),
      ["1 day", "6.9 days", "<0.1 days"],
    );
  });

  test("counts, days and amounts", () => {
    assert.deepEqual(
      [FORMATTERS.plain(4426), FORMATTERS.days(1), FORMATTERS.days(2.5), FORMATTERS.dollars(1234.5)],
      ["4,426", "1 day", "2.5 days", "$1,234.50"],
    );
    assert.deepEqual(
      [1, 2].map((count) => format.pluralize(count, "day", "days")),
      ["1 day", "2 days"],
    );
  });

  test("periods have names and ranges", () => {
    const names = ["2026-10-05", "2026-10-01", "2026-10-04", "2026-10-05"].map((start, at) =>
      withSpaces(format.periodName(periodStarting(["week", "month", "window", "day"][at], start))),
    );
    assert.deepEqual(names, [
      "week of 5 Oct 2026",
      "October 2026",
      "28 days to 31 Oct 2026",
      "Mon 5 Oct 2026",
    ]);
    const ranges = [last28Days, periodStarting("week", "2026-12-28"), periodStarting("day", "2026-10-01")];
    assert.deepEqual(
      ranges.map((period) => withSpaces(format.dateRange(period))),
      ["4 Oct to 31 Oct 2026", "28 Dec 2026 to 3 Jan 2027", "1 Oct 2026"],
    );
  });

  test("a value, or what is shown instead", () => {
    const text = (line) => format.valueText(line, "plain");
    assert.deepEqual(
      [lineWith({ value: 12.34 }), lineWith({ hidden: "under" }), lineWith({ hidden: "hidden" })].map(text),
      ["12.3", "suppressed", "suppressed"],
    );
    assert.deepEqual([lineWith({ reason: "too_few" }), undefined].map(text), ["–", "–"]);
    assert.equal(format.reasonText(lineWith({ reason: "look_back_incomplete" })), "not enough history yet");
    assert.equal(format.reasonText(lineWith({ reason: "new in a later release" })), "unknown");
  });

  test("a rate names its parts, and a mean its division", () => {
    const line = lineWith({ value: 0.25, n: 25, of: 100 });
    assert.equal(format.ratioText(line, "percent"), "25 of 100");
    assert.equal(format.ratioText(line, "plain"), "25 ÷ 100");
    assert.equal(format.ratioText(lineWith({ value: 3, n: 3 }), "plain"), "");
  });

  test("details name the sample, the coverage, the basis and finality", () => {
    const line = lineWith({ value: 90.5, n: 60, coverage: 0.5, basis: 0.973, final: false });
    assert.deepEqual(format.details(line, "duration"), [
      "90.5 s",
      "n = 60",
      "50% of days collected",
      "97.3% of rows carry this field",
      "may still change",
    ]);
    assert.deepEqual(format.details(lineWith({ hidden: "under" }), "plain"), ["suppressed for privacy"]);
    assert.deepEqual(format.details(undefined, "plain"), ["not collected"]);
  });

  test("coverage is in days, and imported days are of unknown completeness", () => {
    const text = (coverage, imported) => format.coverageText(lineWith({ value: 1, coverage, imported }));
    assert.equal(text(1, 0), "");
    assert.equal(text(0.5, 0), "14 of 28 days collected");
    assert.equal(text(0, 1), "imported events, completeness unknown");
    assert.equal(text(0.25, 0.5), "7 of 28 days collected, 14 of 28 days imported, completeness unknown");
  });

  test("changes are in points, percent or plain differences, and never zero percent", () => {
    // Without n, the noise is unknown.
    const change = (from, to, style = "plain") =>
      changeText(lineWith({ value: from, n: 0 }), lineWith({ value: to, n: 0 }), style);
    assert.deepEqual(
      [change(1000, 997), change(1000, 990), change(1000, 999.9), change(4, 6), change(200, 150)],
      ["−0.3%", "−1%", NO_CLEAR_CHANGE, "+2", "−25%"],
    );
    assert.deepEqual(
      [change(0.3, 0.31, "percent"), change(0.3, 0.325, "percent"), change(0.3, 0.3001, "percent")],
      ["+1 point", "+2.5 points", NO_CLEAR_CHANGE],
    );
    assert.equal(change(null, 1), "");
  });

  test("a change below the noise is not clear", () => {
    const rate = (n, of) => lineWith({ value: n / of, n, of });
    // 3 points of 100 cases are chance, of 10,000 they are not.
    assert.equal(changeText(rate(30, 100), rate(33, 100), "percent"), NO_CLEAR_CHANGE);
    assert.equal(changeText(rate(3000, 10_000), rate(3300, 10_000), "percent"), "+3 points");
    const people = (value) => lineWith({ value, n: value });
    assert.equal(changeText(people(100), people(110), "plain"), NO_CLEAR_CHANGE);
    assert.equal(changeText(people(100), people(150), "plain"), "+50%");
    // Events of one person come together, so as many events as people are less certain.
    const events = (value) => lineWith({ metric: "chat.messages", value, n: value });
    assert.ok(noise(events(100), events(150), "plain") > noise(people(100), people(150), "plain"));
    assert.equal(noise(people(0), people(10), "plain"), null);
  });

  test("only complete periods are compared", () => {
    const complete = lineWith({ value: 100 });
    const partial = lineWith({ value: 50, period: october, coverage: 0.5 });
    const imported = lineWith({ value: 50, period: october, coverage: 0, imported: 1 });
    assert.equal(changeText(partial, complete, "plain"), "");
    assert.equal(withSpaces(incomparableReason(partial, complete)), "October 2026 is incomplete");
    assert.equal(
      withSpaces(incomparableReason(imported, complete)),
      "completeness of October 2026 is unknown",
    );
    assert.equal(incomparableReason(complete, complete), "");
  });

  test("impact is a sentence, and overlapping ranges show no difference", () => {
    const measure = { name: "Time to merge", more: "take longer to merge", less: "are merged sooner" };
    const of = (median, low, high) => ({ median, low, high, n: 50 });
    const sentence = (duo, others) => impactSentence(measure, duo, others);
    assert.match(sentence(of(80, 60, 100), of(100, 90, 120)), /no difference can be shown/);
    assert.match(sentence(of(50, 40, 60), of(100, 90, 120)), /are merged sooner \(by 50%\)/);
    assert.match(sentence(of(150, 130, 170), of(100, 90, 120)), /take longer .* does not show a cause/);
  });

  test("credits are a sentence: used, expected, and until when they last", () => {
    const line = (value) => lineWith({ value });
    const [low, middle, high] = [620, 690.4, 760].map(line);
    const sentence = (more) => creditSentence({ used: line(676), available: 0, month: october, ...more });
    assert.equal(sentence({}), "676 credits are used; there is no commitment to compare with.");
    assert.equal(
      sentence({ available: 1000, low, middle, high }),
      "676 of 1,000 credits are used. The month is expected to end at 690 (620 to 760). They last through October.",
    );
    const same = line(676);
    assert.equal(
      sentence({ available: 1000, low: same, middle: same, high: same }),
      "676 of 1,000 credits were used in October.",
    );
    assert.match(
      withSpaces(sentence({ available: 650, low, middle, high, runOut: line(28) })),
      /Credits run out around Wed 28 Oct 2026\.$/,
    );
  });

  test("an interval of a share is Wilson's", () => {
    const [low, high] = shareInterval(41, 45);
    assert.ok(Math.abs(low - 0.7927) < 0.001 && Math.abs(high - 0.9649) < 0.001, `${low} ${high}`);
    assert.deepEqual(shareInterval(0, 10)[0], 0);
  });

  test("values that no source reports have labels by dimension", () => {
    assert.deepEqual(
      [
        ["(none)", "language"],
        ["(none)", "flow"],
        ["(not attributed)", "ide"],
        ["issue_to_merge_request", "flow"],
      ].map(([value, key]) => format.valueLabel(value, key)),
      ["no language", "no flow reported", "not reported by GitLab", "issue to merge request"],
    );
  });
});

describe("state", () => {
  const series = [
    { g: 0, m: "shown", t: "month", v: [1, 2], by: { language: "c++" } },
    { g: 0, m: "shown", t: "window", v: [3] },
    { g: 0, m: "coverage.days", t: "week", v: [7] },
  ];
  const filters = filtersFor(new Metrics(pageData(series)));

  test("filters offer what the data has, newest periods first", () => {
    assert.deepEqual(
      filters.period.options.map(({ value, in: heading }) => [value, heading]),
      [
        ["window:2026-10-04", "28 days"],
        ["month:2026-10-01", "Months"],
      ],
    );
    assert.deepEqual(
      filters.language.options.map(({ label }) => label),
      ["all languages", "c++"],
    );
    assert.deepEqual(
      [filters.period.initial, filters.group.initial, filters.flow.initial],
      ["window:2026-10-04", "acme", ""],
    );
  });

  test("long ranges offer shorter charts, and start with 90 days", () => {
    const spans = (first) => {
      const { span } = filtersFor(new Metrics(pageData([], { first })));
      return [span.options.map(({ value }) => value).join(" "), span.initial];
    };
    assert.deepEqual(spans("2026-10-01"), ["7d 28d all", "all"]);
    assert.deepEqual(spans("2026-06-01"), ["7d 28d 90d quarter all", "90d"]);
    assert.deepEqual(spans("2024-01-01"), ["7d 28d 90d quarter year all", "90d"]);
  });

  test("a span is days up to the end of the period, and can be free", () => {
    const data = pageData([], { first: "2026-01-01" });
    const days = (span) => Object.values(spanDays(data, { span }, last28Days)).join(" ");
    assert.equal(days("7d"), "2026-10-25 2026-10-31");
    assert.equal(days("90d"), "2026-08-03 2026-10-31");
    assert.equal(days("quarter"), "2026-10-01 2026-10-31");
    assert.equal(days("year"), "2026-01-01 2026-10-31", "as far as there are days");
    assert.equal(days("2026-09-01..2026-09-20"), "2026-09-01 2026-09-20");
    assert.equal(days("2020-09-01..2020-09-20"), "2026-01-01 2026-10-31", "days that the page does not have");
    const weeks = chartSlots(data, { span: "7d" }, last28Days, "week");
    assert.equal(weeks.length, 6, "a single week has no course");
  });

  test("a slot is compared with one that is an equal time earlier, on the same weekday", () => {
    const data = pageData([], { first: "2025-01-01" });
    const day = periodStarting("day", "2026-10-31");
    const start = (span, compare) => earlierSlot(data, { span, compare }, last28Days, day)?.start;
    assert.equal(start("7d", "before"), "2026-10-24");
    assert.equal(start("90d", "before"), "2026-08-01");
    assert.equal(start("90d", "year"), "2025-11-01");
    assert.equal(start("all", "before"), undefined);
    assert.equal(start("90d", "none"), undefined);
  });

  test("old names of spans and free ranges are read", () => {
    const long = filtersFor(new Metrics(pageData([], { first: "2024-01-01" })));
    const span = (hash) => parseHash(hash, long).selected.span;
    assert.deepEqual(
      ["span=53", "span=2026-09-01..2026-09-20", "span=2026-09-20..2026-09-01", "span=x..y"].map(span),
      ["year", "2026-09-01..2026-09-20", "90d", "90d"],
    );
  });

  test("a period outside of the published days has no data", () => {
    const metrics = new Metrics(pageData([]));
    assert.equal(hasData(metrics, october), true);
    assert.equal(hasData(metrics, periodStarting("month", "2026-09-01")), false);
  });

  test("before a day is published, only periods with a bill can be selected", () => {
    const select = (series) => {
      const metrics = new Metrics(pageData(series, { first: null, last: null }));
      return filtersFor(metrics).period.options.map(({ value }) => value);
    };
    assert.deepEqual(select([]), []);
    assert.deepEqual(select([{ g: 0, m: "cost", t: "month", i: 1, v: [9.5], n: ["-"] }]), [
      "month:2026-10-01",
    ]);
  });

  test("a fragment and its selection are inverse", () => {
    const hash = "chat&period=month:2026-10-01&group=acme/web&language=c%2B%2B";
    const { section, selected } = parseHash(`#${hash}`, filters);
    assert.equal(section, "chat");
    assert.deepEqual(
      [selected.period, selected.group, selected.language, selected.compare],
      ["month:2026-10-01", "acme/web", "c++", "before"],
    );
    const written = formatHash(section, selected, filters);
    assert.equal(decodeURIComponent(written), decodeURIComponent(hash));
    assert.deepEqual(parseHash(written, filters), { section, selected });
  });

  test("a fragment has only what differs from the start", () => {
    const { selected } = parseHash("", filters);
    assert.equal(formatHash("", selected, filters), "");
    assert.equal(formatHash("", { ...selected, compare: "none" }, filters), "compare=none");
  });

  test("unknown filters, unknown values and malformed escapes are ignored", () => {
    const initial = parseHash("", filters).selected;
    const hash = "#%E0%A4%A&period=month:9999-99-99&group=<b>&constructor=1&__proto__=1&language=";
    assert.deepEqual(parseHash(hash, filters), { section: "%E0%A4%A", selected: initial });
  });

  test("a period is compared with the one before, with last year, or not at all", () => {
    const before = (value, compare) => comparisonPeriod(parsePeriod(value), compare)?.start;
    assert.equal(before("window:2026-10-04", "before"), "2026-09-06");
    assert.equal(before("week:2026-10-05", "before"), "2026-09-28");
    assert.equal(before("month:2026-01-01", "before"), "2025-12-01");
    assert.equal(before("month:2026-10-01", "year"), "2025-10-01");
    assert.equal(before("week:2026-10-05", "year"), "2025-10-06");
    assert.equal(before("week:2026-10-05", "none"), undefined);
  });
});

describe("CSV", () => {
  const page = { data: pageData([]) };
  const cells = (lines) =>
    toCsv(lines, page)
      .trimEnd()
      .split("\r\n")
      .map((row) => row.split(","));

  test("a line is written unrounded, with a column for each dimension", () => {
    const [head, row] = cells([
      lineWith({ value: 1 / 3, n: 1, of: 3, people: 12, by: { language: "go", ide: "vim" } }),
    ]);
    assert.deepEqual(Object.fromEntries(head.map((name, at) => [name, row[at]])), {
      metric: "users.active",
      group: "acme",
      grain: "window",
      start: "2026-10-04",
      end: "2026-10-31",
      ide: "vim",
      language: "go",
      value: String(1 / 3),
      n: "1",
      of: "3",
      people: "12",
      coverage: "1",
      imported: "0",
      final: "true",
      reason: "",
      hidden: "",
    });
  });

  test("a suppressed value has no numbers", () => {
    const [, row] = cells([lineWith({ hidden: "under", n: 3, of: 4 })]);
    assert.deepEqual(row.slice(5, 8), ["", "", ""]);
    assert.equal(row.at(-1), "under");
  });

  test("labels stay text in a spreadsheet, and no cell is a formula", () => {
    const label = (language) => cells([lineWith({ value: 1, by: { language } })])[1][5];
    for (const converted of ["5-19", "1e5", "007", "3:17", "MAR1", "=1+1", "@SUM(A1)", "-x"])
      assert.equal(label(converted), `'${converted}`, converted);
    for (const kept of ["go", "4711", "50+", "gpt-4o-2024-08-06", "acme/web", "decoder1x"])
      assert.equal(label(kept), kept, kept);
    assert.equal(label('a"b'), '"a""b"');
  });
});

describe("charts and tables", () => {
  const rate = (n, of) => lineWith({ value: n / of, n, of });

  test("the axis of a rate shows the range in which it moves, and few cases do not widen it", () => {
    const scale = rateScale([rate(200, 1000), rate(240, 1000), rate(0, 8), undefined]);
    assert.deepEqual(scale.ticks, [0.18, 0.2, 0.22, 0.24, 0.26]);
    assert.equal(rateScale([rate(10, 1000), rate(400, 1000)]).bottom, 0, "near zero, it starts there");
    assert.equal(rateScale([rate(990, 1000), rate(1000, 1000)]).top, 1);
    assert.deepEqual(rateScale([undefined]).ticks, [0, 0.25, 0.5, 0.75, 1]);
  });

  test("rows are sorted by value, and unknown ones stay last", () => {
    const cells = [5, null, 30].map((value) => valueCell(lineWith({ value }), "plain"));
    const order = (sign) => [...cells].sort((a, b) => compareCells(a, b, sign)).map(({ line }) => line.value);
    assert.deepEqual(
      [order(1), order(-1)],
      [
        [5, 30, null],
        [30, 5, null],
      ],
    );
    assert.ok(compareCells(textCell("go"), textCell("rust"), 1) < 0);
    assert.ok(compareCells(numberCell("1", 1), numberCell("–"), -1) < 0);
  });

  test("an empty table states why, and what to do", () => {
    const why = (fields) => whyEmpty([lineWith(fields)], { small: 5 });
    assert.match(why({ hidden: "hidden" }), /fewer than 5 people .* longer period/);
    assert.match(why({ reason: "not_collected" }), /how to collect it/);
    assert.match(why({ reason: "new in a later release" }), /no values/);
  });

  test("where a period is not split, the newest one before is taken", () => {
    const starts = { window: ["2026-09-27", "2026-10-04"], month: ["2026-09-01", "2026-10-01"] };
    const metrics = new Metrics(
      pageData(
        [
          { g: 0, m: "shown", t: "window", v: [1, 2] },
          { g: 0, m: "shown", t: "window", v: [3], by: { language: "go" } },
          { g: 0, m: "shown", t: "month", v: [4], by: { language: "go" } },
        ],
        { starts },
      ),
    );
    const start = (period, keys) => metrics.newestPeriod(0, "shown", period, keys).start;
    assert.equal(start(last28Days, []), "2026-10-04");
    assert.equal(start(last28Days, ["language"]), "2026-09-27");
    assert.equal(start(october, ["language"]), "2026-09-01");
    assert.equal(start(last28Days, ["ide"]), "2026-10-04", "there is none");
  });
});

test("numbers of the first screen are written as the reader's locale writes them", () => {
  for (const [english, german] of [
    ["1,000 of 4,667 suggestions", "1.000 of 4.667 suggestions"],
    ["21.4%", "21,4\u00a0%"],
    ["<0.1% and >99.9% and 100%", "<0,1\u00a0% and >99,9\u00a0% and 100\u00a0%"],
    ["was 127, ±8.9", "was 127, ±8,9"],
    ["12,345,678.90 credits", "12.345.678,90 credits"],
    ["−5.9 points (noise ±1.3)", "−5,9 points (noise ±1,3)"],
    ["4–31 October 2026", "4–31 October 2026"],
    ["523 of 654 seats, 28 days", "523 of 654 seats, 28 days"],
    ["model-3.5, claude_4.1, 1.2.3 and 0.1.0-rc", "model-3.5, claude_4.1, 1.2.3 and 0.1.0-rc"],
  ])
    assert.equal(localizedNumbers(english, "de-DE"), german);
  assert.equal(localizedNumbers("1,000 (21.4%)", "en-US"), "1,000 (21.4%)");
});
