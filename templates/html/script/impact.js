// Merge requests of people with and without Duo.

import { captioned, now } from "./sections.js";
import { figure, largest, numbers, tableFigure, text, words } from "./table.js";
import { plainNumber, UNKNOWN } from "./words.js";

/** Medians with their interval, of people with and without Duo. */
export function impact(page, metric, caption, style) {
  const line = (withDuo, stat) => now(page, metric, { with_duo: withDuo, stat });
  const groups = [
    ["true", "active with Duo"],
    ["false", "others"],
  ];
  const lines = groups.flatMap(([withDuo]) => ["p50", "low", "high"].map((stat) => line(withDuo, stat)));
  if (!lines.some(Boolean)) return null;
  const most = largest(lines);
  const interval = (withDuo) =>
    ["low", "p50", "high"].map((stat) =>
      line(withDuo, stat)?.value != null && most > 0 ? line(withDuo, stat).value / most : null,
    );
  return tableFigure(
    {
      id: metric.replace(".", "-"),
      caption: captioned(page, caption),
      note: "With an interval of 95 %.",
      columns: [
        words("Authors"),
        { ...numbers("Median"), unitOf: "interval" },
        { ...numbers("From"), unitOf: "interval" },
        { ...numbers("To"), unitOf: "interval" },
        numbers("Merge requests"),
      ],
      rows: groups.map(([withDuo, name]) => [
        text(name),
        {
          ...figure(line(withDuo, "p50"), style),
          ...(interval(withDuo).every((share) => share !== null) ? { range: interval(withDuo) } : {}),
        },
        figure(line(withDuo, "low"), style, { brief: true }),
        figure(line(withDuo, "high"), style, { brief: true }),
        {
          kind: "number",
          text:
            line(withDuo, "p50")?.n != null && !line(withDuo, "p50").hidden
              ? plainNumber.format(line(withDuo, "p50").n)
              : UNKNOWN,
        },
      ]),
    },
    page,
  );
}
