// Code review and every other feature, down to single events.

import {
  captioned,
  leftOut,
  MOST_ROWS,
  narrowed,
  nothing,
  now,
  overMonths,
  pair,
  parts,
  timed,
} from "./sections.js";
import { barred, bySize, code, figure, largest, numbers, tableFigure, text, words } from "./table.js";
import { plainNumber, UNKNOWN, valueName, valueText } from "./words.js";

export function* features(page) {
  const { feature } = page.choice;
  yield pair(
    timed(
      page,
      {
        id: "reviews-by-week",
        grain: "week",
        form: "line",
        title: "Code review by week",
        note: "Reviews asked of Duo, and comments that it posted.",
      },
      [
        ["reviews requested", "main", "code_review.requests"],
        ["comments posted", "quiet", "code_review.comments"],
      ],
    ),
    timed(
      page,
      {
        id: "troubleshoot-by-week",
        grain: "week",
        title: "Root cause analysis by week",
        note: "Requests for the root cause of a failed job.",
      },
      [["requests", "main", "troubleshoot.requests"]],
    ),
  );
  yield pair(
    reactions(page),
    overMonths(page, "review-by-month", "By month", [
      ["Reviews requested", "code_review.requests", "plain"],
      ["Comments", "code_review.comments", "plain"],
      ["Root cause requests", "troubleshoot.requests", "plain"],
      ["People", "troubleshoot.users", "plain"],
    ]),
  );
  yield featureTable(page);
  yield feature && narrowed(`Feature: ${valueName(feature, "feature")}`);
  yield eventTable(page, feature);
}

function reactions(page) {
  const rows = [
    ["Asked by the author", "code_review.requests", "author"],
    ["Asked by somebody else", "code_review.requests", "other"],
    ["Comments posted", "code_review.comments", "posted"],
    ["Thumbs up", "code_review.reactions", "thumbs_up"],
    ["Thumbs down", "code_review.reactions", "thumbs_down"],
  ]
    .map(([label, metric, kind]) => [label, now(page, metric, { kind })])
    .filter(([, line]) => line);
  const most = largest(rows.map(([, line]) => line));
  return tableFigure(
    {
      id: "reviews",
      caption: captioned(page, "Code review"),
      columns: [words("Events"), numbers("Number")],
      rows: rows.map(([label, line]) => [text(label), barred(line, "plain", most)]),
    },
    page,
  );
}

function featureTable(page) {
  const [active, exposed, events] = ["users.active", "users.exposed", "events.count"].map((metric) =>
    parts(page, metric, "feature"),
  );
  const most = largest(active.values());
  const names = bySize(active, events);
  return (
    tableFigure(
      {
        id: "features-table",
        caption: captioned(page, "By feature; a person who uses several counts in each"),
        columns: [words("Feature"), numbers("Active people"), numbers("Exposed people"), numbers("Events")],
        more: leftOut(names.length),
        rows: names
          .slice(0, MOST_ROWS)
          .map((name) => [
            text(valueName(name, "feature")),
            barred(active.get(name), "plain", most),
            figure(exposed.get(name), "plain"),
            figure(events.get(name), "plain"),
          ]),
      },
      page,
    ) ?? nothing("No events by feature.")
  );
}

function eventTable(page, feature) {
  const crossed = page.figures
    .all(page.group, "events.count", page.period.grain)
    .filter((series) => series.by.event && series.by.feature && (!feature || series.by.feature === feature));
  const lines = new Map(
    crossed
      .map((series) => [`${series.by.event}`, page.figures.cell(series, page.period)])
      .filter(([, line]) => line),
  );
  const most = largest(lines.values());
  const names = bySize(lines);
  return (
    tableFigure(
      {
        id: "events-table",
        caption: captioned(page, "By event, names as GitLab sends them; unknown ones too"),
        columns: [words("Event"), words("Feature"), numbers("Events"), numbers("People")],
        more: leftOut(names.length),
        rows: names.slice(0, MOST_ROWS).map((name) => {
          const line = lines.get(name);
          return [
            code(name),
            text(valueName(line.by.feature, "feature")),
            barred(line, "plain", most),
            {
              kind: "number",
              text: line.hidden
                ? valueText(line, "plain", page.small)
                : line.people === null
                  ? UNKNOWN
                  : plainNumber.format(line.people),
              pale: line.hidden !== null,
            },
          ];
        }),
      },
      page,
    ) ??
    (page.period.grain === "week"
      ? nothing("Events are not listed by the week: choose a month or the 28 days.")
      : null)
  );
}
