// Chat: how much people ask.

import { captioned, noted, parts } from "./sections.js";
import { barred, numbers, tableFigure, text, words } from "./table.js";

const BANDS = [
  ["50+", "s1"],
  ["20-49", "s2"],
  ["5-19", "s3"],
  ["1-4", "s4"],
];

export function chatBands(page) {
  const bands = parts(page, "chat.user_bands", "band");
  const whole = [...bands.values()].reduce((sum, line) => sum + (line.value ?? 0), 0);
  const rows = BANDS.filter(([band]) => bands.has(band)).map(([band]) => [
    text(`${band.replace("-", "–")} messages`),
    barred(bands.get(band), "plain", whole),
  ]);
  if (rows.length === 0)
    return noted(
      "chat-bands",
      "People by how much they ask",
      page.period.grain === "week"
        ? "Not told by the week: choose a month or the 28 days."
        : "Nothing is known for this period.",
    );
  return tableFigure(
    {
      id: "chat-bands",
      caption: captioned(page, "People by how much they ask"),
      columns: [words("In the period"), numbers("People")],
      rows,
    },
    page,
  );
}
