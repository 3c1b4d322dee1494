// Notes on filters that do not apply to a figure or a section.

import { element } from "./elements.js";
import { daysBetween } from "./metrics.js";

/**
 * @import {Line} from "./metrics.js"
 * @import {ActiveFilter, Page, ShownFigure} from "./sections.js"
 * @import {FilterKey} from "./state.js"
 */

/**
 * Records the lines that a figure shows and where a note on it belongs. `follows` names filters that apply to the figure
 * though its lines differ from the selected value.
 * @param {Page} page
 * @param {Element} host
 * @param {(Line|undefined)[]} lines
 * @param {FilterKey[]} [follows]
 */
export function trackShown(page, host, lines, follows = []) {
  const known = lines.filter((line) => line !== undefined);
  if (known.length > 0) page.shown.push({ host, lines: known, follows });
}

/**
 * Whether a line has the selected value of a filter.
 * @param {Page} page
 * @param {FilterKey} key
 * @param {Line} line
 */
function matchesFilter(page, key, line) {
  if (key === "group") return line.group === page.group;
  if (key !== "period") return line.by[key] === page.selected[key];
  // Where the period is not split, figures show the newest one before, and name it.
  return [page.period, page.before].some(
    (period) =>
      period?.grain === line.period.grain &&
      Math.abs(daysBetween(period.start, line.period.start)) < (period.grain === "window" ? 7 : 1),
  );
}

/**
 * Adds notes to the figures that some active filters do not apply to. Returns the note on filters that apply to no figure
 * of the section.
 * @param {Page} page
 * @param {ShownFigure[]} shown
 */
export function addFilterNotes(page, shown) {
  /** @type {(key: FilterKey, figure: ShownFigure) => boolean} */
  const applies = (key, { lines, follows }) =>
    follows.includes(key) || lines.every((line) => matchesFilter(page, key, line));
  const [some, none] = [true, false].map((wanted) =>
    page.activeFilters.filter(({ key }) => shown.some((figure) => applies(key, figure)) === wanted),
  );
  for (const figure of shown) {
    const ignored = some.filter(({ key }) => !applies(key, figure));
    if (ignored.length > 0) figure.host.append(filterNote(ignored));
  }
  return shown.length > 0 && none.length > 0 && filterNote(none);
}

/** @param {ActiveFilter[]} filters */
export function filterNote(filters) {
  const names = filters.map(({ label }) => `“${label}”`).join(", ");
  return element(
    "small",
    { class: "unaffected" },
    `${filters.length > 1 ? "These filters do" : "This filter does"} not apply here: ${names}`,
  );
}
