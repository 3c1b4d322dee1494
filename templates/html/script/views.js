// The views of a page: an answer, a few questions and the data, of which one is shown at a time.

import { byId, element } from "./elements.js";

/** The view without a fragment. */
const FIRST = "answer";

/**
 * The view that an element is in; the first one for an unknown id.
 * @param {string} id
 */
export function viewOf(id) {
  return document.getElementById(id)?.closest(".view")?.id ?? FIRST;
}

/**
 * Shows a view, and marks it in the menu. Returns whether it was hidden before.
 * @param {string} id
 */
export function showView(id) {
  const target = byId(id);
  const wasHidden = !target.classList.contains("current");
  for (const view of document.querySelectorAll(".view")) view.classList.toggle("current", view === target);
  document.documentElement.dataset.view = id;
  for (const link of document.querySelectorAll(".sections a")) {
    if (viewOf((link.getAttribute("href") ?? "").slice(1)) === id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  return wasHidden;
}

/** Adds to each view the links to its sections. */
export function linkSections() {
  for (const view of document.querySelectorAll(".view")) {
    const sections = [...view.querySelectorAll(":scope > section")];
    if (sections.length < 2) continue;
    view.querySelector(".parts")?.append(
      element(
        "ul",
        {},
        sections.map(({ id }) =>
          element(
            "li",
            {},
            element("a", { href: `#${id}` }, document.getElementById(`${id}-title`)?.textContent),
          ),
        ),
      ),
    );
  }
}

/** Lets print include the definitions, which are off by default. */
export function letPrintDefinitions() {
  const choice = document.getElementById("print-definitions");
  if (!(choice instanceof HTMLInputElement)) return;
  choice.addEventListener("change", () =>
    document.documentElement.classList.toggle("with-definitions", choice.checked),
  );
}
