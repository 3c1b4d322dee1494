// The finished site in a real browser, in every state a reader can meet.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

import { drawn, launch, openPage } from "./browser.mjs";
import { serve } from "./serve.mjs";
import { LARGE, STATES, binaries, buildFromLines, buildSite, largeLines } from "./sites.mjs";

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duo-metrics-browser-"));
const metrics = {};
let browser, server;

const placeOf = (state) => path.join(folder, state);
const pagesOf = (state) =>
  ["index.html", "duo-metrics/index.html", "project-metrics/index.html"].filter((page) =>
    fs.existsSync(path.join(placeOf(state), "public", page)),
  );
const fileUrl = (state, page) => pathToFileURL(path.join(placeOf(state), "public", page)).href;
const webUrl = (state, page) => `${server.url}/${state}/public/${page}`;
const ALL = [...STATES.map((state) => state.name), ...LARGE];

before(async () => {
  const built = binaries();
  for (const state of STATES) metrics[state.name] = await buildSite(state, built, placeOf(state.name));
  for (const [name, days, people] of [
    [LARGE[0], 400, 20000],
    [LARGE[1], 1096, 300],
  ]) {
    metrics[name] = largeLines(days, people);
    buildFromLines(metrics[name], built, placeOf(name));
  }
  browser = await launch();
  server = await serve(folder);
});

after(async () => {
  await browser?.close();
  server?.stop();
  if (!process.env.KEEP_SITES) fs.rmSync(folder, { recursive: true, force: true });
});

describe("every page, in every state", () => {
  for (const name of ALL) {
    test(`${name}: opens from disk and under a sub-path without a problem, at each width, light and dark`, async () => {
      assert.ok(pagesOf(name).length >= 2);
      for (const file of pagesOf(name)) {
        for (const [address, width, scheme] of [
          [fileUrl(name, file), 1440, "light"],
          [webUrl(name, file), 1440, "dark"],
          [webUrl(name, file), 1024, "light"],
          [fileUrl(name, file), 390, "dark"],
          [webUrl(name, file), 390, "light"],
        ]) {
          const { page, problems, close } = await openPage(browser, address, { width, scheme });
          assert.ok((await page.locator("h1").count()) === 1);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${address} at ${width}: ${wide} pixels too wide`);
          assert.deepEqual(problems, [], address);
          await close();
        }
      }
    });

    test(`${name}: axe finds no violation, light and dark`, async () => {
      for (const file of pagesOf(name)) {
        for (const [scheme, width] of [
          ["light", 1440],
          ["dark", 1440],
          ["light", 390],
        ]) {
          const { page, close } = await openPage(browser, fileUrl(name, file), {
            scheme,
            width,
            bypassCSP: true,
          });
          // axe measures what lies over what: everything has to be laid out.
          await page.addStyleTag({ content: "section { content-visibility: visible !important; }" });
          await page.evaluate(AXE);
          const { violations } = await page.evaluate(() =>
            axe.run(document, { resultTypes: ["violations"] }),
          );
          const told = violations.map(
            ({ id, nodes }) =>
              `${id}: ${nodes
                .slice(0, 3)
                .map((node) => `${node.html} ${node.failureSummary}`)
                .join(" | ")}`,
          );
          assert.deepEqual(told, [], `${file} ${scheme} ${width}`);
          await close();
        }
      }
    });
  }
});

describe("states", () => {
  test("without data a page says so, and draws nothing", async () => {
    const { page, close } = await openPage(browser, fileUrl("no-data", "duo-metrics/index.html"));
    assert.equal(await page.locator("#empty-title").textContent(), "No data yet");
    assert.equal(await page.locator("svg.chart").count(), 0);
    await close();
  });

  test("a missing day is a gap and named, never zero", async () => {
    const { page, close } = await openPage(browser, fileUrl("partial", "duo-metrics/index.html"));
    assert.ok((await page.locator("#active-people rect.missing").count()) >= 1);
    assert.match(await page.locator("#active-people-text").textContent(), /Not collected: 1 day\./);
    await page.locator("#active-people .acts button").first().click();
    const row = page.locator("#active-people-numbers tr", { hasText: "20 Oct 2026" });
    assert.match(await row.textContent(), /not collected|–/);
    await close();
  });

  test("without seats the page says why, and still has the people", async () => {
    const { page, close } = await openPage(browser, fileUrl("no-seats", "duo-metrics/index.html"));
    assert.match(await page.locator("#adoption-body").textContent(), /No list of seats/);
    assert.ok((await page.locator("#active-people svg.chart").count()) === 1);
    await close();
  });

  test("of one person no number about people is shown", async () => {
    const { page, close } = await openPage(browser, fileUrl("one-person", "duo-metrics/index.html"));
    assert.match(await page.locator("#overview-body").textContent(), /under 5/);
    await close();
  });

  test("agents are told where there are lines of them, and else why not", async () => {
    const known = await openPage(browser, fileUrl("agents", "duo-metrics/index.html"));
    assert.match(await known.page.locator("#session-flows").textContent(), /issue to merge request/);
    await known.close();
    const unknown = await openPage(browser, fileUrl("usual", "duo-metrics/index.html"));
    assert.match(await unknown.page.locator("#agents-body").textContent(), /Not known\./);
    await unknown.close();
  });

  test("the page tells its main figures without a script", async () => {
    const { page, close } = await openPage(browser, fileUrl("usual", "duo-metrics/index.html"), {
      javaScriptEnabled: false,
    });
    const line = wanted(metrics.usual, { metric: "users.active", scope: "*", grain: "window" });
    assert.equal(
      await page.locator(".tile .value").first().textContent(),
      line.value.toLocaleString("en-US"),
    );
    assert.ok((await page.locator("#definitions dt").count()) > 20);
    await close();
  });
});

describe("numbers", () => {
  test("what no source reports is named by its dimension, and people and seat holders by theirs", async () => {
    const { page, close } = await openPage(browser, fileUrl("agents", "duo-metrics/index.html"));
    for (const [table, words] of [
      ["session-flows", "no flow reported"],
      ["tools", "no tool reported"],
      ["models", "no model reported"],
      ["costs", "no model reported"],
      ["credits", "no product reported"],
    ]) {
      const names = await page.locator(`#${table} tbody th`).allTextContents();
      assert.ok(names.includes(words), `${table}: ${names}`);
      assert.ok(!names.some((name) => /language|\(none\)/.test(name)), `${table}: ${names}`);
    }
    const flows = await page.locator("#filter-flow option").allTextContents();
    assert.ok(flows.includes("no flow reported"), `${flows}`);
    const series = await page.locator("#segments thead th").allTextContents();
    assert.deepEqual(series, ["Segment", "Everyone ever seen", "With a seat"]);
    assert.match(await page.locator("#segments-by-week").textContent(), /Everyone ever seen/);
    await close();
  });

  for (const name of ["usual", "partial", "agents", "one-person", ...LARGE]) {
    for (const dashboard of ["duo-metrics", "project-metrics"]) {
      test(`${name}, ${dashboard}: every number behind a chart or a table is a metric line`, async () => {
        const { page, problems, close } = await openPage(browser, fileUrl(name, `${dashboard}/index.html`));
        const index = new Map(metrics[name].map((line) => [keyOf(line), line]));
        const union = new Set(metrics[name].map((line) => line.scope)).has("*");
        let seen = 0;
        for (const period of ["", ...(await periodsOf(page)).slice(1, 4)]) {
          if (period) await choose(page, "period", period);
          for (const rows of await csvOfAll(page)) {
            for (const row of rows) {
              if (row.hidden) {
                assert.equal(row.value, "", "a hidden number is not in the file");
                continue;
              }
              const {
                metric,
                group,
                grain,
                start,
                end,
                value,
                n,
                of,
                people,
                coverage,
                final,
                reason,
                hidden,
                ...by
              } = row;
              const scope = group === "all groups" ? "*" : group;
              const line = index.get(
                keyOf({
                  metric,
                  scope: union || scope !== "*" ? scope : "acme",
                  grain,
                  start,
                  end,
                  by: Object.fromEntries(Object.entries(by).filter(([, text]) => text !== "")),
                }),
              );
              assert.ok(line, `${JSON.stringify(row)} is no line`);
              assert.equal(value === "" ? null : Number(value), line.value, JSON.stringify(row));
              assert.equal(
                of === "" ? null : Number(of),
                line.value === null ? null : line.of,
                JSON.stringify(row),
              );
              if (line.value !== null) assert.equal(n === "" ? null : Number(n), line.n, JSON.stringify(row));
              assert.ok(Math.abs(Number(coverage) - line.coverage) < 1e-12, JSON.stringify(row));
              assert.equal(final === "true", line.final);
              assert.equal(reason || null, line.value === null ? (line.reason ?? "not_known") : null);
              seen += 1;
            }
          }
        }
        assert.ok(name === "one-person" || seen > 300, `only ${seen} numbers were read`);
        assert.deepEqual(problems, []);
        await close();
      });
    }
  }

  test("what a cell says is what its line says", async () => {
    const { page, close } = await openPage(browser, fileUrl("usual", "duo-metrics/index.html"), {
      locale: "de-DE",
    });
    const rows = await page
      .locator("#by-language tbody tr")
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.cells].map((cell) => cell.querySelector(".barred > span")?.textContent ?? cell.textContent),
        ),
      );
    assert.ok(rows.length > 5);
    for (const [language, shown, accepted] of rows) {
      const by = { language: language === "no language" ? "(none)" : language };
      for (const [metric, said] of [
        ["shown", shown],
        ["accepted", accepted],
      ]) {
        const line = wanted(metrics.usual, {
          metric: `code_suggestions.${metric}`,
          scope: "*",
          grain: "window",
          by,
        });
        if (!/under|hidden/.test(said))
          assert.equal(said, line.value.toLocaleString("de-DE"), "in the reader's way of writing numbers");
      }
    }
    await close();
  });

  test("what the drawing says is what the lines say", async () => {
    const { page, close } = await openPage(browser, fileUrl("usual", "duo-metrics/index.html"));
    const plot = page.locator("#messages-by-day .plot");
    await plot.focus();
    for (const [key, day] of [
      ["End", "2026-10-31"],
      ["ArrowLeft", "2026-10-30"],
      ["Home", "2026-07-04"],
    ]) {
      await page.keyboard.press(key);
      const said = await plot.getAttribute("aria-valuetext");
      const line = wanted(metrics.usual, { metric: "chat.messages", scope: "*", grain: "day", start: day });
      const value = line.people > 0 && line.people < 5 ? "under 5" : String(line.value);
      assert.ok(said.includes(`messages: ${value}`) || said.includes("messages: hidden"), `${day}: ${said}`);
    }
    await close();
  });
});

describe("filters", () => {
  test("each filter narrows, stands in the address, and a link shows the same view", async () => {
    const address = webUrl("agents", "duo-metrics/index.html");
    const { page, problems, close } = await openPage(browser, address);
    const chosen = [];
    const before = await page.locator("main").innerText();
    for (const part of ["period", "compare", "group", "language", "feature", "flow", "span"]) {
      const options = await page
        .locator(`#filter-${part} option`)
        .evaluateAll((options) => options.map((option) => option.value));
      if (options.length < 2) {
        assert.ok(await page.locator(`#filter-${part}`).isDisabled(), part);
        continue;
      }
      for (const value of options.slice(1, 6)) {
        await choose(page, part, value);
        chosen.push([part, value]);
        assert.ok(decodeURIComponent(page.url()).includes(`${part}=${value}`), `${part}=${value}`);
      }
    }
    const after = await page.locator("main").innerText();
    assert.notEqual(after, before);
    const link = await openPage(browser, page.url());
    assert.equal(await link.page.locator("main").innerText(), after, "the link shows the same");
    assert.deepEqual(link.problems, []);
    await link.close();
    await page.goBack();
    const [part] = chosen.at(-1);
    const [partBefore, valueBefore] = chosen.at(-2);
    assert.equal(partBefore, part);
    const back = ([part, value]) => document.getElementById(`filter-${part}`).value === value;
    await page.waitForFunction(back, [part, valueBefore]);
    await drawn(page);
    await page.click("button.reset");
    await drawn(page);
    assert.equal(await page.locator("main").innerText(), before);
    assert.equal(new URL(page.url()).hash, "");
    assert.deepEqual(problems, []);
    await close();
  });

  test("a language narrows code suggestions to its own lines", async () => {
    const { page, close } = await openPage(
      browser,
      `${fileUrl("usual", "duo-metrics/index.html")}#suggestions&language=go`,
    );
    const rows = await page.locator("#by-language tbody th").allTextContents();
    assert.deepEqual(rows, ["go"]);
    assert.match(await page.locator("#acceptance-title").textContent(), /by week: go/);
    await close();
  });

  test("a group shows its own figures", async () => {
    const { page, close } = await openPage(
      browser,
      `${fileUrl("usual", "duo-metrics/index.html")}#group=globex`,
    );
    const line = wanted(metrics.usual, { metric: "users.active", scope: "globex", grain: "window" });
    assert.equal(await page.locator(".tile .value").first().textContent(), String(line.value));
    await close();
  });

  test("a fragment of nonsense opens the page as ever", async () => {
    const { page, problems, close } = await openPage(
      browser,
      `${fileUrl("usual", "duo-metrics/index.html")}#%E0%A4%A&period=month:9999-99-99&group=<b>&x=1`,
    );
    assert.ok((await page.locator(".tile").count()) === 6);
    assert.deepEqual(problems, []);
    await close();
  });
});

describe("by hand and by keyboard", () => {
  test("every section can be reached, and its link keeps the filters", async () => {
    const { page, problems, close } = await openPage(
      browser,
      `${webUrl("usual", "duo-metrics/index.html")}#group=acme`,
    );
    for (const link of await page.locator(".sections a").all()) {
      await link.click();
      const id = (await link.getAttribute("href")).slice(1);
      assert.ok(page.url().includes(`#${id}&group=acme`), page.url());
      const top = await page.locator(`#${id}`).evaluate((section) => section.getBoundingClientRect().top);
      const isLast = await page.evaluate(
        () => scrollY + innerHeight >= document.documentElement.scrollHeight - 2,
      );
      assert.ok(isLast || (top >= 0 && top < 300), `${id} is at ${top}`);
      assert.ok((await page.locator(`#${id}`).innerText()).length > 40, id);
    }
    assert.deepEqual(problems, []);
    await close();
  });

  test("a chart can be pointed at, shown as a table, copied and downloaded", async () => {
    const { page, problems, close } = await openPage(browser, webUrl("usual", "duo-metrics/index.html"), {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const chart = page.locator("#messages-by-day");
    await chart.locator(".area").hover();
    assert.match(await chart.locator(".tip").innerText(), /messages:/);
    await chart.getByRole("button", { name: "Show as table" }).click();
    assert.equal(await chart.locator("tbody tr").count(), 120);
    await chart.getByRole("button", { name: "Copy CSV" }).click();
    await chart.getByText("Copied").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^metric,group,grain,start,end,/);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      chart.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    assert.equal(
      fs.readFileSync(await download.path(), "utf8").replaceAll("\r\n", "\n"),
      copied.replaceAll("\r\n", "\n"),
    );
    assert.deepEqual(problems, []);
    await close();
  });

  test("the keyboard alone reaches everything, and sees where it is", async () => {
    const { page, close } = await openPage(browser, webUrl("one-day", "duo-metrics/index.html"));
    const wantedStops = await page.evaluate(
      () =>
        document.querySelectorAll("a[href], button:not([hidden]), select:not(:disabled), [tabindex='0']")
          .length,
    );
    const stops = new Set();
    for (let at = 0; at < wantedStops + 5; at += 1) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === document.body) return null;
        const style = getComputedStyle(element);
        return {
          path: [...document.querySelectorAll("*")].indexOf(element),
          seen: style.outlineStyle !== "none" || element.matches("select, button"),
        };
      });
      if (!stop) continue;
      assert.ok(stop.seen);
      stops.add(stop.path);
    }
    const unreachable = await page.evaluate(() => document.querySelectorAll(".open-filters").length);
    assert.ok(stops.size >= wantedStops - unreachable, `${stops.size} of ${wantedStops}`);
    await close();
  });

  test("on paper it is a report: no control, nothing cut off, on white", async () => {
    const { page, close } = await openPage(browser, fileUrl("usual", "duo-metrics/index.html"), {
      scheme: "dark",
    });
    await page.emulateMedia({ media: "print" });
    for (const control of [".filters", ".acts", ".sections"])
      assert.equal(await page.locator(control).first().isVisible(), false, control);
    assert.match(await page.locator("#chosen").innerText(), /Period: 28 days/);
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      "rgb(255, 255, 255)",
    );
    await close();
  });
});

describe("weight and time", () => {
  const wire = async (name) => {
    server.sent.length = 0;
    const { page, close } = await openPage(browser, webUrl(name, "duo-metrics/index.html"));
    await page.waitForSelector("html.drawn");
    const paint = await page.evaluate(
      () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
    );
    await close();
    return { bytes: server.sent.reduce((sum, { bytes }) => sum + bytes, 0), paint };
  };

  test("the first view of the dashboard is at most 150 kB over the wire", async (context) => {
    const { bytes, paint } = await wire("usual");
    context.diagnostic(`${bytes} bytes, first paint after ${Math.round(paint)} ms`);
    assert.ok(bytes <= 150_000, `${bytes} bytes`);
  });

  test("three years of days are drawn in every chart", async (context) => {
    const { page, close } = await openPage(browser, webUrl("three-years", "duo-metrics/index.html"));
    const time = await redrawn(page, "span", "all");
    const charts = await page.locator("svg.chart").count();
    context.diagnostic(`${charts} charts and all tables in ${Math.round(time)} ms`);
    // Told and not judged: how busy a machine is says nothing about the page.
    assert.ok(charts > 5, `${charts} charts`);
    await close();
  });

  test("with 20,000 people and 400 days it is less than 1 MB", async (context) => {
    for (const name of LARGE) {
      const { bytes, paint } = await wire(name);
      context.diagnostic(`${name}: ${bytes} bytes, first paint after ${Math.round(paint)} ms`);
      assert.ok(bytes < 1_000_000, `${bytes} bytes`);
    }
  });
});

async function choose(page, part, value) {
  await page.selectOption(`#filter-${part}`, value);
  await drawn(page);
}

/** Milliseconds until the page has drawn everything anew, by its own clock. */
function redrawn(page, part, value) {
  return page.evaluate(
    async ([part, value]) => {
      const select = document.getElementById(`filter-${part}`);
      const start = performance.now();
      select.value = value;
      select.dispatchEvent(new Event("change"));
      while (!document.documentElement.classList.contains("drawn"))
        await new Promise((resolve) => setTimeout(resolve));
      return performance.now() - start;
    },
    [part, value],
  );
}

function keyOf({ metric, scope, grain, start, end, by, population }) {
  const split = Object.entries({ ...by, ...(population && { population }) });
  return [metric, scope, grain, start, end, ...split.sort().flat()].join("|");
}

function wanted(lines, { by = {}, ...fields }) {
  const found = lines.filter(
    (line) =>
      Object.entries(fields).every(([field, value]) => line[field] === value) &&
      keyOf({ ...line, by }) === keyOf(line),
  );
  assert.equal(found.length, 1, JSON.stringify(fields));
  return found[0];
}

function periodsOf(page) {
  return page
    .locator("#filter-period option")
    .evaluateAll((options) => options.map((option) => option.value));
}

/** The CSV behind every chart and table of the page, read from what "Copy CSV" writes. */
async function csvOfAll(page) {
  const texts = await page.evaluate(async () => {
    const texts = [];
    Object.defineProperty(navigator, "clipboard", {
      configurable: true,
      value: { writeText: async (text) => texts.push(text) },
    });
    for (const button of document.querySelectorAll(".acts button"))
      if (button.textContent.startsWith("Copy CSV")) button.click();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return texts;
  });
  return texts.map((text) => {
    const [head, ...rows] = text
      .trimEnd()
      .split("\r\n")
      .map((row) =>
        [...row.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell]) =>
          cell.replace(/^"|"$/g, "").replaceAll('""', '"'),
        ),
      );
    return rows.map((row) =>
      Object.fromEntries(head.map((name, at) => [name, row[at]]).filter(([name]) => name)),
    );
  });
}
