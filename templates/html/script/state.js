// What the reader has chosen. All of it stands in the fragment of the address, so that a link shows the same view:
// `#chat&period=month:2026-10-01&group=acme`. What is not there is as the page opens.

import { daysBetween, periodFrom, plusDays, plusMonths } from "./figures.js";
import { capital, periodName, valueName } from "./words.js";

/** @typedef {{period: string, compare: string, group: string, language: string, feature: string, flow: string, span: string}} Choice */

export const PARTS = ["period", "compare", "group", "language", "feature", "flow", "span"];

/** The parts that choose which lines a figure shows. */
export const NARROWING = ["period", "group", "language", "feature", "flow"];

/** The section and the choice of a fragment; what the page does not offer is passed over. */
export function readFragment(fragment, offers) {
  const parts = fragment.replace(/^#/, "").split("&").filter(Boolean);
  const section = parts[0] && !parts[0].includes("=") ? decoded(parts[0]) : "";
  const choice = Object.fromEntries(PARTS.map((part) => [part, offers[part].start]));
  for (const [part, value] of parts
    .filter((part) => part.includes("="))
    .map((part) => part.split("=").map(decoded))) {
    if (PARTS.includes(part) && offers[part].options.some((option) => option.value === value))
      choice[part] = value;
  }
  return { section, choice };
}

/** The fragment of a section and a choice: only what differs from the start. */
export function writeFragment(section, choice, offers) {
  const parts = PARTS.filter((part) => choice[part] !== offers[part].start).map(
    (part) => `${part}=${encodeURIComponent(choice[part])}`,
  );
  return [section && encodeURIComponent(section), ...parts].filter(Boolean).join("&");
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What can be chosen, and what a page opens with. */
export function offersOf(figures) {
  const { data } = figures;
  const periods = ["window", "month", "week"].map((grain) =>
    figures
      .periods(grain)
      .filter((period) => hasFigures(figures, period))
      .reverse(),
  );
  const periodOption = (period) => ({
    value: `${period.grain}:${period.start}`,
    label: capital(periodName(period)),
    in: { window: "28 days", month: "Months", week: "Weeks" }[period.grain],
  });
  const option = (value, label = value) => ({ value, label });
  const everything = (key, all) => [
    option("", all),
    ...figures.values(key).map((value) => option(value, valueName(value, key))),
  ];
  const days = data.first ? daysBetween(data.first, data.last) + 1 : 0;
  const spans = [
    ["13", "13 weeks", 91],
    ["53", "53 weeks", 371],
    ["all", "all days", Infinity],
  ];
  const offers = {
    period: { label: "Period", options: periods.flat().map(periodOption) },
    compare: {
      label: "Compare with",
      options: [
        option("before", "the period before"),
        option("year", "a year before"),
        option("none", "nothing"),
      ],
    },
    group: {
      label: "Group",
      options: data.groups.map((group) => option(group.name)),
    },
    language: {
      label: "Language",
      options: everything("language", "all languages"),
    },
    feature: {
      label: "Feature",
      options: everything("feature", "all features"),
    },
    flow: { label: "Flow", options: everything("flow", "all flows") },
    span: {
      label: "Charts show",
      options: spans
        .filter(([, , least], at) => at === 2 || days > least)
        .map(([value, label]) => option(value, label)),
    },
  };
  for (const offer of Object.values(offers)) offer.start = offer.options[0]?.value ?? "";
  if (days <= 182) offers.span.start = "all";
  return offers;
}

/** A month or week that is cut off at both ends by the reported days tells nothing of its own. */
export function hasFigures(figures, period) {
  const { first, last } = figures.data;
  return period.start <= last && period.end >= first;
}

/** The period of an option. */
export function periodOf(value) {
  const [grain, start] = value.split(":");
  return periodFrom(grain, start);
}

/** The period to compare with. */
export function comparedWith(period, compare) {
  if (compare === "none") return null;
  if (period.grain === "month")
    return periodFrom("month", plusMonths(period.start, compare === "year" ? -12 : -1));
  const days = compare === "year" ? 364 : period.grain === "week" ? 7 : 28;
  return periodFrom(period.grain, plusDays(period.start, -days));
}
