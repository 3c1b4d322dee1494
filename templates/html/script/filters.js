// The filter bar.

import { element } from "./elements.js";
import { UNKNOWN } from "./words.js";

/** The bar; `change` is called with the part and the value that was chosen. On a small screen it opens by a button. */
export function filterBar(filters, offers, change, reset) {
  const fields = filters.map((part) => filterField(part, offers[part], change));
  const form = element(
    "form",
    {
      id: "filter-form",
      class: "filters",
      "aria-label": "Filters",
      // What is chosen is in the address; a browser that restores fields would contradict it.
      autocomplete: "off",
      submit: (event) => event.preventDefault(),
    },
    fields,
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

/** A filter and what is chosen in it, in words. */
export function choiceLabel(offers, choice, part) {
  const { label, options } = offers[part];
  return `${label}: ${options.find((option) => option.value === choice[part])?.label ?? UNKNOWN}`;
}

/** What is chosen, in words: for print. */
export function chosenWords(filters, offers, choice) {
  return filters.map((part) => choiceLabel(offers, choice, part)).join(" · ");
}

/** Makes every field show what is chosen: by hand, by a link, or by going back. */
export function showChoice(filters, offers, choice) {
  for (const part of filters) {
    const select = document.getElementById(`filter-${part}`);
    select.value = choice[part];
    select.classList.toggle("set", choice[part] !== offers[part].start);
  }
}

function filterField(part, offer, change) {
  const options = offer.options.map(({ value, label }) => element("option", { value }, label));
  const grouped = Object.entries(groupBy(offer.options));
  const content =
    grouped.length > 1
      ? grouped.map(([name, list]) =>
          element(
            "optgroup",
            { label: name },
            options.filter((_, at) => list.includes(offer.options[at])),
          ),
        )
      : options;
  const select = element(
    "select",
    {
      id: `filter-${part}`,
      disabled: offer.options.length < 2,
      change: () => change(part, select.value),
    },
    content,
  );
  return element("label", { class: "filter", for: select.id }, element("span", {}, offer.label), select);
}

function groupBy(options) {
  const groups = {};
  for (const option of options) (groups[option.in ?? ""] ??= []).push(option);
  return groups;
}
