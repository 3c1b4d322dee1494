// The filters: those of the page in a bar, the others in the sections that they apply to.

import { element } from "./elements.js";
import { UNKNOWN } from "./format.js";
import { rangeOf, spanLabel } from "./state.js";

/** @import {Filter, FilterKey, Filters, Option, Selected} from "./state.js" */

/**
 * The bar, which a button opens on a small screen.
 * @param {FilterKey[]} keys
 * @param {Filters} filters
 * @param {(key: FilterKey, value: string) => void} change
 * @param {() => void} reset
 */
export function filterBar(keys, filters, change, reset) {
  const form = element(
    "form",
    {
      id: "filter-form",
      class: "filters",
      "aria-label": "Filters",
      // The URL holds the selection; a browser that restores fields would contradict it.
      autocomplete: "off",
      submit: (event) => event.preventDefault(),
    },
    keys.map((key) => filterField(key, filters[key], change)),
    element("button", { type: "button", class: "reset", click: reset }, "Reset"),
  );
  const toggle = element(
    "button",
    {
      type: "button",
      class: "open-filters",
      "aria-expanded": false,
      "aria-controls": form.id,
      click: () => {
        const isOpen = form.classList.toggle("open");
        toggle.setAttribute("aria-expanded", String(isOpen));
      },
    },
    "Filters",
  );
  return [toggle, form];
}

/**
 * `Group: acme`.
 * @param {Filters} filters
 * @param {Selected} selected
 * @param {FilterKey} key
 */
export function filterLabel(filters, selected, key) {
  const { label, options } = filters[key];
  if (key === "span") return `${label}: ${spanLabel(filters.span, selected.span)}`;
  return `${label}: ${options.find((option) => option.value === selected[key])?.label ?? UNKNOWN}`;
}

/**
 * The filters with their values, for print. Those that not every page has are included only if they are set.
 * @param {Filters} filters
 * @param {Selected} selected
 */
export function filterSummary(filters, selected) {
  const always = /** @type {FilterKey[]} */ (["period", "span", "compare", "group"]);
  const others = /** @type {FilterKey[]} */ (["team", "language", "feature", "flow"]);
  const shown = [...always, ...others.filter((key) => selected[key] !== filters[key].initial)];
  return shown.map((key) => filterLabel(filters, selected, key)).join(" · ");
}

/**
 * Sets the fields to the selected values, which links and the history change, too.
 * @param {Filters} filters
 * @param {Selected} selected
 */
export function syncFields(filters, selected) {
  for (const select of document.querySelectorAll("select")) {
    const key = /** @type {FilterKey|undefined} */ (select.dataset.filter);
    if (!key) continue;
    select.querySelector(".free")?.remove();
    if (key === "span" && rangeOf(selected.span))
      select.append(
        element("option", { value: selected.span, class: "free" }, spanLabel(filters.span, selected.span)),
      );
    select.value = selected[key];
    select.classList.toggle("set", selected[key] !== filters[key].initial);
  }
}

/**
 * @param {FilterKey} key
 * @param {Filter} filter
 * @param {(key: FilterKey, value: string) => void} change
 * @param {string} [place] distinguishes fields of the same filter
 */
export function filterField(key, filter, change, place = "") {
  /** @param {Option} option */
  const optionElement = ({ value, label }) => element("option", { value }, label);
  const groups = Object.entries(groupOptions(filter.options));
  const content =
    groups.length > 1
      ? groups.map(([label, options]) => element("optgroup", { label }, options.map(optionElement)))
      : filter.options.map(optionElement);
  const select = element(
    "select",
    {
      id: `filter-${key}${place}`,
      "data-filter": key,
      disabled: filter.options.length < 2,
      change: () => change(key, select.value),
    },
    content,
  );
  select.value = filter.initial;
  return element("label", { class: "filter", for: select.id }, element("span", {}, filter.label), select);
}

/** @param {Option[]} options */
function groupOptions(options) {
  /** @type {Record<string, Option[]>} */
  const groups = {};
  for (const option of options) (groups[option.in ?? ""] ??= []).push(option);
  return groups;
}
