// The buttons of a figure: its values as a table and as CSV.

import { toCsv } from "./csv.js";
import { element } from "./elements.js";

/**
 * @import {Line} from "./metrics.js"
 * @import {Page} from "./sections.js"
 */

/**
 * The buttons below a figure. `makeTable` is null where the figure is a table.
 * @param {string} id
 * @param {string} title
 * @param {?() => Element} makeTable
 * @param {() => Line[]} lines
 * @param {Page} page
 */
export function exportActions(id, title, makeTable, lines, page) {
  const place = element("div", { id: `${id}-numbers`, hidden: true });
  const status = element("span", { class: "status", role: "status" });
  // Screen readers list buttons without their figures.
  const ofFigure = (what = "") => element("span", { class: "for" }, `${what}: ${title}`);
  const label = document.createTextNode("Table");
  const toggle =
    makeTable &&
    element(
      "button",
      {
        type: "button",
        "aria-expanded": false,
        "aria-controls": place.id,
        click: ({ currentTarget }) => {
          place.hidden = !place.hidden;
          currentTarget.setAttribute("aria-expanded", String(!place.hidden));
          label.textContent = place.hidden ? "Table" : "Hide table";
          if (!place.firstChild) place.append(makeTable());
        },
      },
      label,
      ofFigure(),
    );
  const copy = element(
    "button",
    {
      type: "button",
      click: async () => {
        const isCopied = await copyText(toCsv(lines(), page));
        status.textContent = isCopied ? "Copied" : "Copy failed";
        setTimeout(() => {
          status.textContent = "";
        }, 3000);
      },
    },
    "Copy",
    ofFigure(" CSV"),
  );
  const download = element(
    "button",
    { type: "button", click: () => downloadText(`${id}.csv`, toCsv(lines(), page)) },
    "CSV",
    ofFigure(" file"),
  );
  return element(
    "div",
    { class: "numbers" },
    element("div", { class: "acts" }, toggle, copy, download, status),
    makeTable && place,
  );
}

/** @param {string} content */
async function copyText(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    // A page opened from disk has no clipboard API in every browser.
    const area = element("textarea", { class: "for", "aria-hidden": "true" });
    area.value = content;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/**
 * @param {string} name
 * @param {string} content
 */
function downloadText(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
