// Notes on the filters that do not apply to a figure or a section.

import { element } from "./elements.js";

/** Keeps what a figure shows and where a remark on it belongs; `follows` names filters that it obeys though its lines differ. */
export function markShown(page, host, lines, follows = []) {
  const known = lines.filter(Boolean);
  if (known.length > 0) page.shown.push({ host, lines: known, follows });
}

/** Whether a line is one that the choice of a filter asks for. */
function isChosen(page, part, line) {
  if (part === "group") return line.group === page.group;
  if (part !== "period") return line.by[part] === page.choice[part];
  return [page.period, page.before].some(
    (period) => period?.grain === line.period.grain && period.start === line.period.start,
  );
}

/**
 * Names the chosen filters that do not act: those that none of the figures of a section follows in the remark that is
 * returned, the others at each figure that does not follow them.
 */
export function markUnaffected(page, shown) {
  const acts = (part, { lines, follows }) =>
    follows.includes(part) || lines.every((line) => isChosen(page, part, line));
  const [some, none] = [true, false].map((wanted) =>
    page.chosen.filter(({ part }) => shown.some((figure) => acts(part, figure)) === wanted),
  );
  for (const figure of shown) {
    const ignored = some.filter(({ part }) => !acts(part, figure));
    if (ignored.length > 0) figure.host.append(unaffectedBy(ignored));
  }
  return shown.length > 0 && none.length > 0 && unaffectedBy(none);
}

function unaffectedBy(filters) {
  const names = filters.map(({ words }) => `“${words}”`).join(", ");
  return element(
    "small",
    { class: "unaffected" },
    `${filters.length > 1 ? "These filters do" : "This filter does"} not apply here: ${names}`,
  );
}
