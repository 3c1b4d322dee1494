// The filter bar.

/** The bar; `change` is called with the part and the value that was chosen. On a small screen it opens by a button. */
function filterBar(offers, choice, change, reset) {
  const fields = FILTERS.map((part) => filterField(part, offers[part], choice[part], change));
  const form = element(
    "form",
    {
      id: "filter-form",
      class: "filters",
      "aria-label": "Filters",
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
      "aria-expanded": "false",
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

/** What is chosen, in words: for print. */
function chosenWords(offers, choice) {
  return FILTERS.map(
    (part) =>
      `${offers[part].label}: ${offers[part].options.find((option) => option.value === choice[part])?.label ?? UNKNOWN}`,
  ).join(" · ");
}

function filterField(part, offer, chosen, change) {
  const options = offer.options.map(({ value, label }) =>
    element("option", { value, selected: value === chosen }, label),
  );
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
      class: chosen === offer.start ? "" : "set",
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
