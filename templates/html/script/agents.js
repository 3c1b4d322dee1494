// Agents: sessions by flow and status, success, duration, tools, tokens, models, cost.

import { element } from "./elements.js";
import {
  captioned,
  leftOut,
  MOST_ROWS,
  narrowed,
  noted,
  nothing,
  now,
  pair,
  parts,
  timed,
} from "./sections.js";
import { barred, bySize, figure, largest, numbers, spelled, tableFigure, text, words } from "./table.js";
import { periodName, valueName } from "./words.js";

export function* agents(page) {
  const tells = ["sessions", "tool_calls", "tokens"].some((name) => page.figures.tells(`agents.${name}`));
  if (!tells) {
    yield nothing(
      element("strong", {}, "Not known. "),
      "Nothing in the data tells of sessions one by one, of tools or of tokens: GitLab does not tell them of a group. Events of the Duo Agent Platform, where you have them, bring them.",
    );
    yield creditTable(page);
    return;
  }
  const { flow } = page.choice;
  const by = flow ? { flow } : {};
  const statuses = parts(page, "agents.sessions", "status", by);
  const most = largest(statuses.values());
  const flows = parts(page, "agents.sessions", "flow");
  const stat = (flow, stat) => now(page, "agents.duration_seconds", { flow, stat });
  yield flow && narrowed(`Flow: ${valueName(flow, "flow")}`);
  yield pair(
    timed(
      page,
      {
        id: "sessions",
        grain: flow ? "week" : "day",
        by,
        title: `Sessions by ${flow ? "week" : "day"}`,
        note: "By the day of their first event.",
      },
      [["sessions", "main", "agents.sessions"]],
    ),
    timed(
      page,
      {
        id: "session-success",
        grain: "week",
        by,
        form: "line",
        style: "percent",
        title: "Success rate by week",
        note: "Finished, of finished, failed, stopped and stuck.",
      },
      [["success rate", "main", "agents.success_rate"]],
    ),
  );
  yield pair(
    tableFigure(
      {
        id: "session-status",
        caption: captioned(page, "Sessions by how they ended"),
        columns: [words("Status"), numbers("Sessions")],
        rows: bySize(statuses).map((status) => [
          text(valueName(status, "status")),
          barred(statuses.get(status), "plain", most),
        ]),
      },
      page,
    ) ?? notByFlow(flow, "session-status", "Sessions by how they ended"),
    tokenTable(page, by) ?? notByFlow(flow, "tokens", "Tokens by kind"),
  );
  yield tableFigure(
    {
      id: "session-flows",
      caption: captioned(page, "By flow"),
      columns: [
        words("Flow"),
        numbers("Sessions"),
        numbers("Success rate"),
        numbers("Completed"),
        numbers("Duration, median"),
        numbers("95th percentile"),
        numbers("Worked, median"),
        numbers("People"),
      ],
      rows: bySize(flows)
        .filter((name) => !flow || name === flow)
        .slice(0, MOST_ROWS)
        .map((name) => [
          text(valueName(name, "flow")),
          barred(flows.get(name), "plain", largest(flows.values())),
          barred(now(page, "agents.success_rate", { flow: name }), "percent", 1),
          figure(now(page, "agents.completion_rate", { flow: name }), "percent"),
          figure(stat(name, "p50"), "duration"),
          figure(stat(name, "p95"), "duration"),
          figure(stat(name, "active"), "duration"),
          figure(now(page, "agents.users", { flow: name }), "plain"),
        ]),
    },
    page,
  );
  yield modelTable(page);
  yield pair(toolTable(page, by) ?? notByFlow(flow, "tools", "Tools"), costTable(page));
  yield creditTable(page);
}

/** A sentence in the place of a table that has no lines for the chosen flow. */
function notByFlow(flow, id, title) {
  return flow && noted(id, title, `Nothing is known for the flow ${valueName(flow, "flow")} in this period.`);
}

function toolTable(page, by) {
  const [calls, failures] = ["agents.tool_calls", "agents.tool_failure_rate"].map((metric) =>
    parts(page, metric, "tool", by),
  );
  return tableFigure(
    {
      id: "tools",
      caption: captioned(page, "Tools"),
      columns: [words("Tool"), numbers("Calls"), numbers("That fail")],
      more: leftOut(calls.size),
      rows: bySize(calls)
        .slice(0, MOST_ROWS)
        .map((tool) => [
          spelled(tool, "tool"),
          barred(calls.get(tool), "plain", largest(calls.values())),
          figure(failures.get(tool), "percent"),
        ]),
    },
    page,
  );
}

function tokenTable(page, by) {
  const kinds = parts(page, "agents.tokens", "kind", by);
  return tableFigure(
    {
      id: "tokens",
      caption: captioned(page, "Tokens by kind"),
      note: "Kinds are not summed: cached tokens are a part of the input of some models.",
      columns: [words("Kind"), numbers("Tokens")],
      rows: bySize(kinds).map((kind) => [
        text(valueName(kind, "kind")),
        barred(kinds.get(kind), "plain", largest(kinds.values())),
      ]),
    },
    page,
  );
}

function modelTable(page) {
  const [input, output] = ["input", "output"].map((kind) => parts(page, "agents.tokens", "model", { kind }));
  const hits = parts(page, "agents.cache_hit_rate", "model");
  return tableFigure(
    {
      id: "models",
      caption: captioned(page, "Models"),
      columns: [
        words("Model"),
        numbers("Input tokens"),
        numbers("Output tokens"),
        numbers("Input from the cache"),
      ],
      rows: bySize(input, output)
        .slice(0, MOST_ROWS)
        .map((model) => [
          spelled(model, "model"),
          barred(input.get(model), "plain", largest(input.values())),
          figure(output.get(model), "plain"),
          figure(hits.get(model), "percent"),
        ]),
    },
    page,
  );
}

function costTable(page) {
  const costs = parts(page, "agents.cost_estimate", "model");
  return tableFigure(
    {
      id: "costs",
      caption: captioned(page, "Cost, an estimate"),
      note: `Tokens times the prices of ${page.figures.data.prices ?? "a file"}. GitLab charges credits, not this.`,
      columns: [words("Model"), numbers("Cost")],
      rows: bySize(costs).map((model) => [
        spelled(model, "model"),
        barred(
          costs.get(model),
          "dollars",
          largest(costs.values()),
          costs.get(model).reason === "not_in_source" ? { note: "no price in the file" } : {},
        ),
      ]),
    },
    page,
  );
}

function creditTable(page) {
  const month = page.figures.periods("month").findLast((period) => period.start <= page.figures.data.last);
  if (!month) return null;
  const { group } = page;
  const credits = page.figures.split(group, "agents.credits", month, "product");
  return tableFigure(
    {
      id: "credits",
      caption: `GitLab Credits, ${periodName(month)}`,
      note: "As the Customers Portal counts them.",
      columns: [words("Product"), numbers("Credits")],
      rows: bySize(credits).map((product) => [
        text(valueName(product, "product")),
        barred(credits.get(product), "plain", largest(credits.values())),
      ]),
    },
    page,
  );
}
