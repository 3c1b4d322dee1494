// Chat: people by number of messages.

import { currentSplit, emptyFigure, withPeriod } from "./sections.js";
import { barCell, numberColumn, tableFigure, textCell, textColumn } from "./table.js";

/** @import {Page} from "./sections.js" */

const BANDS = ["50+", "20-49", "5-19", "1-4"];

/** @param {Page} page */
export function chatBandTable(page) {
  const lines = currentSplit(page, "chat.user_bands", "band");
  const whole = [...lines.values()].reduce((sum, line) => sum + (line.value ?? 0), 0);
  const rows = BANDS.filter((band) => lines.has(band)).map((band) => [
    textCell(`${band.replace("-", "–")} messages`),
    barCell(lines.get(band), "plain", whole),
  ]);
  if (rows.length === 0)
    return emptyFigure(
      "chat-bands",
      "People by number of messages",
      page.period.grain === "week"
        ? "Not available by week. Select a month or the last 28 days."
        : "No data for this period.",
    );
  return tableFigure(
    {
      id: "chat-bands",
      caption: withPeriod(page, "People by number of messages", lines.values()),
      columns: [textColumn("In the period"), numberColumn("People")],
      rows,
    },
    page,
  );
}
