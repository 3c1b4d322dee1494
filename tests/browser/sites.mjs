// Builds sites in every state, with the real binary and a stand-in GitLab.

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A state of the site.
 * @typedef {{name: string, people?: number, days?: number, groups?: string, since?: string, token?: string, dashboards?: string[],
 *   flags?: string[], fetch?: string[], theme?: string, locale?: string, open?: boolean, extra?: object[], empty?: boolean, code?: number[]}} State
 * `flags` are those of the stand-in GitLab, `fetch` those of the command.
 */

/** @type {State[]} */
export const STATES = [
  { name: "usual", people: 300, days: 120, groups: "acme,globex", code: [0, 3] },
  {
    name: "no-data",
    people: 20,
    days: 3,
    token: "-guest",
    empty: true,
    dashboards: ["--duo"],
    code: [0, 3, 69, 77],
  },
  { name: "partial", people: 120, days: 40, flags: ["--forbidden-day", "2026-10-14"], code: [0, 3] },
  { name: "only-project", people: 60, days: 40, dashboards: ["--project"] },
  { name: "clickhouse", people: 60, days: 40, flags: ["--clickhouse"], code: [0, 3] },
  { name: "no-seats", people: 120, days: 40, token: "-reporter", dashboards: ["--duo"], code: [0, 3] },
  { name: "one-person", people: 1, days: 40, code: [0, 3] },
  { name: "one-day", people: 120, days: 1, since: "2026-10-31", open: true, code: [0, 3] },
  // No week is closed yet.
  { name: "first-days", people: 60, days: 3, code: [0, 3] },
  { name: "agents", people: 60, days: 60, extra: agentLines("acme", 40), code: [0, 3] },
  { name: "sampled", people: 120, days: 40, fetch: ["--every", "3"], code: [0, 3] },
  { name: "tiny-group", people: 9, days: 40, code: [0, 3] },
  { name: "theme", people: 60, days: 40, theme: path.join(ROOT, "examples/theme"), code: [0, 3] },
  { name: "german", people: 120, days: 40, groups: "acme,globex", locale: "de-DE", code: [0, 3] },
];

/** A state from metric lines only: see {@link importedLines}. */
export const IMPORTED = "imported";

/** Larger states, from metric lines only: a server with that many events would take minutes. */
export const LARGE = ["twenty-thousand-people", "three-years"];

/** States from metric lines only, with those lines. */
export const FROM_LINES = {
  [LARGE[0]]: () => largeLines(400, 20000),
  [LARGE[1]]: () => largeLines(1096, 300),
  [IMPORTED]: () => importedLines(),
  "agents-only": () => agentLines("acme", 40),
  edges: edgeLines,
};

/** Builds the site of a state in a folder; returns its metric lines. */
export async function buildSite(state, binaries, folder) {
  const gitlab = await startGitLab(binaries.gitlab, [
    "--people",
    String(state.people),
    "--days",
    String(state.days),
    ...(state.flags ?? []),
  ]);
  try {
    const since = state.since ?? dayBefore("2026-11-01", state.days);
    const environment = {
      PATH: process.env.PATH,
      GITLAB_URL: gitlab.url,
      DUO_TOKEN: `stand-in-token${state.token ?? ""}`,
      GROUP_PATH: state.groups ?? "acme",
      DUO_METRICS_NOW: "2026-11-01T03:00:00Z",
    };
    const switches = state.dashboards ?? ["--duo", "--project"];
    const call = (args, input, allowed = [0]) =>
      run(binaries.duoMetrics, args, input, environment, folder, allowed);
    const raw = await call(["fetch", ...switches, "--since", since, ...(state.fetch ?? [])], "", state.code);
    const metrics = await call(["aggregate"], await call(["normalize"], raw, state.code), state.code);
    const extra = (state.extra ?? []).map((line) => JSON.stringify({ ...line, instance: gitlab.url }) + "\n");
    // The API of a group does not expose agent sessions: these lines replace them.
    const own = metrics.split("\n").filter((line) => !state.extra || !line.includes('"metric":"agents.'));
    const kept = own.join("\n") + extra.join("");
    const theme = state.theme ? ["--theme", state.theme] : [];
    const periods = state.open ? ["--open-periods"] : [];
    await call(["dashboard", "--site", "public", ...switches, ...theme, ...periods], kept);
    await call(["landing", "--site", "public", ...theme], "");
    return kept
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .filter((line) => line.type === "metric");
  } finally {
    gitlab.stop();
  }
}

/** Builds both dashboards from metric lines. */
export async function buildFromLines(lines, binaries, folder) {
  const input = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await run(
    binaries.duoMetrics,
    // These lines end within a week.
    ["dashboard", "--site", "public", "--duo", "--project", "--open-periods"],
    input,
    { PATH: process.env.PATH },
    folder,
    [0],
  );
  await run(binaries.duoMetrics, ["landing", "--site", "public"], "", { PATH: process.env.PATH }, folder, [
    0,
  ]);
}

/** Runs these functions, each with a site to build, on all cores. */
export async function buildAll(builds) {
  const waiting = [...builds];
  const worker = async () => {
    for (let build = waiting.shift(); build; build = waiting.shift()) await build();
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
}

/** Builds the binaries. */
export function binaries(profile = process.env.PROFILE ?? "release") {
  const release = profile === "release" ? ["--release"] : [];
  const built = spawnSync(
    "cargo",
    ["build", "--quiet", ...release, "--bin", "duo-metrics", "--example", "gitlab"],
    { cwd: ROOT, stdio: "inherit" },
  );
  if (built.status !== 0) throw new Error("cargo could not build the binaries");
  const target = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", profile);
  return { duoMetrics: path.join(target, "duo-metrics"), gitlab: path.join(target, "examples", "gitlab") };
}

function startGitLab(binary, flags) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, flags, { stdio: ["ignore", "pipe", "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the stand-in GitLab ended with ${code}`)));
    child.stdout.once("data", (text) =>
      resolve({ url: String(text).match(/http:\S+/)[0], stop: () => child.kill() }),
    );
  });
}

function run(binary, args, input, env, cwd, allowed) {
  fs.mkdirSync(cwd, { recursive: true });
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { env, cwd });
    const texts = { stdout: [], stderr: [] };
    for (const name of ["stdout", "stderr"]) child[name].on("data", (text) => texts[name].push(text));
    child.once("error", reject);
    child.once("close", (code) => {
      const [stdout, stderr] = [texts.stdout, texts.stderr].map((parts) => String(Buffer.concat(parts)));
      if (allowed.includes(code)) resolve(stdout);
      else reject(new Error(`duo-metrics ${args[0]} ended with ${code}: ${stderr}`));
    });
    // A command that fails may not read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function dayBefore(day, days) {
  return new Date(Date.parse(day) - days * 86400000).toISOString().slice(0, 10);
}

/**
 * Agents from imported events, on working days only, whose completeness is unknown; and Chat, collected in all of October
 * and on 19 days of September.
 */
export function importedLines() {
  const isWeekend = ({ start }) => [0, 6].includes(new Date(start).getUTCDay());
  const imported = { coverage: 0, imported: 1, final: false };
  const agents = agentLines("acme", 28)
    .filter((line) => line.grain !== "day" || !isWeekend(line))
    .map((line) => ({ ...line, ...imported }));
  const of = (metric, value, period, more = {}) => ({
    ...agents[0],
    ...{ metric, by: {}, value, n: value, people: 20, coverage: 1, imported: 0, final: true },
    ...period,
    ...more,
  });
  const october = { grain: "month", start: "2026-10-01", end: "2026-10-31" };
  const september = { grain: "month", start: "2026-09-01", end: "2026-09-30" };
  const window = { grain: "window", start: "2026-10-04", end: "2026-10-31" };
  return [
    ...agents,
    of("chat.users", 160, october),
    of("chat.users", 90, september, { coverage: 19 / 30 }),
    of("users.active", 140, window, imported),
    of("users.active", 150, october),
    of("users.active", 100, september),
    of("users.active", 60, { grain: "day", start: "2026-08-03", end: "2026-08-03" }),
  ];
}

/** Metric lines of agents as `aggregate` writes them where sessions are known, for so many days. */
function agentLines(scope, days) {
  // A Sunday: only complete weeks and closed months are published.
  const last = "2026-10-18";
  const window = { grain: "window", start: dayBefore(last, 27), end: last };
  const lines = [];
  const line = (metric, by, fields, period) =>
    lines.push({
      type: "metric",
      metric,
      instance: "https://gitlab.example.com",
      scope,
      ...period,
      by,
      of: null,
      people: 20,
      coverage: 1,
      basis: 1,
      final: true,
      reason: null,
      ...fields,
    });
  const count = (metric, by, value, period = window) => line(metric, by, { value, n: value }, period);
  const rate = (metric, by, n, of, period = window) => line(metric, by, { value: n / of, n, of }, period);
  // Sessions of a flow, success rate in percent, seconds (median, p95, active), people.
  const flows = [
    ["issue_to_merge_request", 180, 86, 840, 3900, 310, 34],
    ["fix_pipeline", 130, 78, 300, 1500, 190, 41],
    ["code_review", 96, 97, 110, 420, 80, 28],
    ["convert_to_gitlab_ci", 22, 62, 520, 2400, 260, 9],
    ["(none)", 18, 70, 400, 2000, 200, 8],
  ];
  const totals = { finished: 0, failed: 0, stopped: 0, open: 0 };
  for (const [flow, sessions, share, median, high, active, people] of flows) {
    const open = Math.round(sessions / 30);
    const finished = Math.round(((sessions - open) * share) / 100);
    const failed = Math.ceil((sessions - open - finished) * 0.7);
    const ends = { finished, failed, stopped: sessions - open - finished - failed, open };
    count("agents.sessions", { flow }, sessions);
    rate("agents.success_rate", { flow }, finished, sessions - open);
    rate("agents.completion_rate", { flow }, finished, sessions);
    count("agents.users", { flow }, people);
    for (const [stat, seconds] of Object.entries({ p50: median, p95: high, active }))
      line("agents.duration_seconds", { flow, stat }, { value: seconds, n: sessions - open }, window);
    for (const [status, value] of Object.entries(ends)) {
      count("agents.sessions", { flow, status }, value);
      totals[status] += value;
    }
  }
  const sessions = flows.reduce((sum, [, sessions]) => sum + sessions, 0);
  count("agents.sessions", {}, sessions);
  rate("agents.success_rate", {}, totals.finished, sessions - totals.open);
  for (const [status, value] of Object.entries(totals)) count("agents.sessions", { status }, value);
  const models = [
    ["claude-sonnet-4-5", 9_000_000, 700_000, 4_000_000, 43.5],
    ["claude-haiku-4-5", 3_100_000, 240_000, 900_000, 4.2],
    ["gpt-5-mini", 1_200_000, 90_000, 150_000, 1.1],
    ["(none)", 300_000, 20_000, 50_000, 0.4],
  ];
  models.forEach(([model, input, output, cached, dollars]) => {
    const kinds = { input, output, cache_read: cached };
    for (const [kind, value] of Object.entries(kinds)) count("agents.tokens", { kind, model }, value);
    rate("agents.cache_hit_rate", { model }, cached, input);
    line(
      "agents.cost_estimate",
      { model },
      { value: dollars, n: null, prices: "prices.json of 2026-10-01" },
      window,
    );
  });
  rate("agents.cache_hit_rate", {}, ...[3, 1].map((at) => models.reduce((sum, model) => sum + model[at], 0)));
  for (const [at, kind] of ["input", "output", "cache_read"].entries())
    count(
      "agents.tokens",
      { kind },
      models.reduce((sum, model) => sum + model[at + 1], 0),
    );
  for (const [tool, value, failed] of [
    ["read_file", 2_900, 31],
    ["grep", 1_240, 12],
    ["edit_file", 860, 64],
    ["run_command", 610, 118],
    ["create_merge_request", 142, 4],
    ["(none)", 75, 9],
  ]) {
    count("agents.tool_calls", { tool }, value);
    rate("agents.tool_failure_rate", { tool }, failed, value);
  }
  const month = { grain: "month", start: "2026-09-01", end: "2026-09-30" };
  for (const [product, credits] of [
    ["duo_agent_platform", 120.5],
    ["(none)", 30.25],
  ])
    line("agents.credits", { product }, { value: credits, n: 31, people: null }, month);
  line("agents.credits", {}, { value: 150.75, n: 31, people: null }, month);
  for (const [flow, sessions, share] of flows) {
    line("agents.credits", { flow }, { value: sessions / 4, n: 31, people: null }, month);
    count("agents.sessions", { flow, status: "finished" }, Math.round((sessions * share) / 100), month);
  }
  for (let at = 0; at < days; at += 1) {
    const start = dayBefore(last, days - 1 - at);
    const weekday = new Date(start).getUTCDay();
    const isWeekend = weekday === 0 || weekday === 6;
    count("agents.sessions", {}, isWeekend ? 2 + (at % 3) : 14 + ((at * 7) % 9), {
      grain: "day",
      start,
      end: start,
    });
    const end = dayBefore(start, -6);
    if (weekday !== 1 || end > last) continue;
    const week = { grain: "week", start, end };
    const part = 100 + ((at * 5) % 13);
    count("agents.sessions", {}, part, week);
    rate("agents.success_rate", {}, 76 + (at % 11), part, week);
    for (const [flow, sessions, share] of flows) {
      const ended = Math.max(1, Math.round(sessions / 4));
      count("agents.sessions", { flow }, ended, week);
      rate("agents.success_rate", { flow }, Math.round((ended * share) / 100), ended, week);
    }
    for (const [status, part] of Object.entries({ finished: 76, failed: 14, stopped: 6, open: 4 }))
      count("agents.sessions", { status }, part + (at % 11), week);
  }
  return lines;
}

/**
 * Metric lines with values that are hard to show: a day with 0 accepted of 8 suggestions, a segment with few people, a
 * mean, hours next to days, a change of less than one percent, and one of a single point.
 */
export function edgeLines() {
  const last = "2026-10-31";
  const days = Array.from({ length: 56 }, (_, at) => dayBefore(last, 55 - at));
  const lines = [];
  const line = (metric, period, value, { by = {}, n = value, of = null, people = 60, population } = {}) =>
    lines.push({
      type: "metric",
      metric,
      instance: "https://gitlab.example.com",
      scope: "acme",
      ...period,
      by,
      ...(population && { population }),
      value,
      n,
      of,
      people,
      coverage: 1,
      basis: 1,
      final: true,
      reason: null,
    });
  const rate = (metric, period, n, of, more) => line(metric, period, n / of, { n, of, ...more });
  const day = (start) => ({ grain: "day", start, end: start });
  const window = { grain: "window", start: dayBefore(last, 27), end: last };
  const before = { grain: "window", start: dayBefore(last, 55), end: dayBefore(last, 28) };
  const months = [
    { grain: "month", start: "2026-09-01", end: "2026-09-30" },
    { grain: "month", start: "2026-10-01", end: last },
  ];
  for (const [at, start] of days.entries()) {
    line("users.active", day(start), 40 + (at % 7));
    line("merge_requests.merged", day(start), 20 + (at % 5));
    rate("code_suggestions.acceptance_rate", day(start), at === 30 ? 0 : 30, at === 30 ? 8 : 100);
    line("code_suggestions.accepted", day(start), at === 30 ? 0 : 30);
    line("code_suggestions.shown", day(start), at === 30 ? 8 : 100);
    if (new Date(start).getUTCDay() !== 1 || start > "2026-10-25") continue;
    const week = { grain: "week", start, end: dayBefore(start, -6) };
    for (const [segment, people] of Object.entries({ heavy: 20, regular: 3, experimenting: 2, inactive: 10 }))
      line("engagement.users", week, people, { by: { segment }, people, population: "people" });
  }
  // 300 of 1,000 before, 310 of 1,000 now: one point. 1,000 people before, 997 now: less than one percent.
  for (const [period, users, accepted] of [
    [before, 1000, 300],
    [window, 997, 310],
    [months[0], 1000, 300],
    [months[1], 997, 310],
  ]) {
    line("users.active", period, users);
    line("code_suggestions.accepted", period, accepted);
    line("code_suggestions.shown", period, 1000);
    rate("code_suggestions.acceptance_rate", period, accepted, 1000);
    rate("merge_requests.per_author", period, 661, 162);
    line("merge_requests.merged", period, 661);
  }
  const projects = { "acme/fast": 18_000, "acme/usual": 90_000, "acme/slow": 600_000 };
  for (const [project, seconds] of Object.entries(projects)) {
    line("merge_requests.merged", window, 60, { by: { project } });
    line("merge_requests.time_to_merge_seconds", window, seconds, { by: { project, stat: "p50" }, n: 60 });
    line("merge_requests.time_to_merge_seconds", window, seconds * 4, {
      by: { project, stat: "p95" },
      n: 60,
    });
  }
  return lines;
}

/** Metric lines of a large organization, or of a long range. */
export function largeLines(days, people) {
  const lines = [];
  const last = "2026-10-31";
  const first = dayBefore(last, days - 1);
  const noise = (seed) => ((seed * 2654435761) % 1000) / 1000;
  const languages = [
    "go",
    "python",
    "typescript",
    "ruby",
    "rust",
    "java",
    "kotlin",
    "c++",
    "c#",
    "vue",
    "shell",
    "yaml",
    "php",
    "scala",
    "swift",
    "sql",
    "html",
    "css",
    "lua",
    "perl",
  ];
  const featuresOf = [
    "code_suggestions",
    "chat",
    "code_review",
    "agent_platform",
    "troubleshoot_job",
    "explain_code",
    "write_tests",
    "fix_code",
    "refactor_code",
    "mcp",
    "duo_workflow",
    "fix_pipeline",
  ];
  const projects = Array.from(
    { length: Math.min(1400, Math.ceil(people / 15)) },
    (_, at) => `acme/platform/team-${at % 40}/service-${at}`,
  );
  const push = (metric, period, by, value, of, population) =>
    lines.push({
      type: "metric",
      metric,
      instance: "https://gitlab.example.com",
      scope: "acme",
      ...period,
      by,
      ...(population && { population }),
      value: of === undefined ? value : value / of,
      n: value,
      of: of ?? null,
      people: Math.max(5, Math.round(Math.min(value, people) / 2)),
      coverage: 1,
      basis: 1,
      final: period.end < "2026-10-25",
      reason: null,
    });
  const periods = [{ grain: "window", start: dayBefore(last, 27), end: last }];
  for (let at = 0; at < days; at += 1) {
    const day = dayBefore(last, days - 1 - at);
    periods.push({ grain: "day", start: day, end: day });
    if (new Date(day).getUTCDay() === 1) periods.push({ grain: "week", start: day, end: dayBefore(day, -6) });
    if (day.endsWith("-01"))
      periods.push({
        grain: "month",
        start: day,
        end: dayBefore(
          new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 1)).toISOString().slice(0, 10),
          1,
        ),
      });
  }
  periods.forEach((period, at) => {
    const size = { day: 1, week: 5, month: 21, window: 20 }[period.grain];
    const weekend = period.grain === "day" && [0, 6].includes(new Date(period.start).getUTCDay());
    const base = Math.round(people * (weekend ? 0.04 : 0.35 + 0.2 * noise(at)));
    const suggestions = (by, share) => {
      const shown = Math.max(6, Math.round(base * 20 * size * share));
      const accepted = Math.round(shown * (0.2 + 0.1 * noise(at + share * 1000)));
      push("code_suggestions.shown", period, by, shown);
      push("code_suggestions.accepted", period, by, accepted);
      push("code_suggestions.rejected", period, by, Math.round(accepted / 2));
      push("code_suggestions.acceptance_rate", period, by, accepted, shown);
      push("code_suggestions.users", period, by, Math.max(6, Math.round(base * share)));
    };
    push("users.active", period, {}, base);
    push("users.exposed", period, {}, Math.round(base * 1.4));
    push("chat.messages", period, {}, base * 2 * size);
    push("chat.users", period, {}, Math.round(base * 0.7));
    push("code_review.requests", period, {}, base);
    push("code_review.comments", period, {}, base * 2);
    push("troubleshoot.requests", period, {}, Math.round(base / 3));
    push("merge_requests.opened", period, {}, base * size);
    push("merge_requests.merged", period, {}, base * size);
    push("pipelines.count", period, {}, base * size * 4);
    push("pipelines.success_rate", period, {}, base * size * 3, base * size * 4);
    suggestions({}, 1);
    if (period.grain === "day") return;
    for (const [place, language] of languages.entries()) suggestions({ language }, 0.4 / (place + 1));
    for (const [place, feature] of featuresOf.entries()) {
      push("users.active", period, { feature }, Math.round(base / (place + 1)));
      push("users.exposed", period, { feature }, Math.round((base * 1.4) / (place + 1)));
      push("events.count", period, { feature }, Math.round((base * 9 * size) / (place + 1)));
    }
    for (const [segment, share] of [
      ["heavy", 0.3],
      ["regular", 0.4],
      ["experimenting", 0.2],
      ["inactive", 0.1],
    ])
      push("engagement.users", period, { segment }, Math.round(people * share), undefined, "people");
    for (const stat of ["p50", "p95"]) {
      push("merge_requests.time_to_merge_seconds", period, { stat }, stat === "p50" ? 80_000 : 400_000);
      push("pipelines.duration_seconds", period, { stat }, stat === "p50" ? 400 : 2_000);
    }
    for (const [place, project] of projects.entries()) {
      push("merge_requests.merged", period, { project }, Math.round((base * size) / (place + 1)) + 5);
      push("pipelines.count", period, { project }, Math.round((base * size * 4) / (place + 1)) + 5);
    }
    if (period.grain === "week") {
      for (let cohort = period.start; cohort >= first; cohort = dayBefore(cohort, 7)) {
        const week = Math.round((Date.parse(period.start) - Date.parse(cohort)) / (7 * 86400000));
        push(
          "engagement.retention",
          period,
          { cohort, week: String(week) },
          20 + Math.round(60 / (week + 1)),
          80,
        );
      }
    }
  });
  return lines;
}
