// Measures how fast pages load and render: `node speed.mjs SITE [RUNS]` prints medians for every page of a site, on a desktop and
// with the processor of a phone (four times slower). Paint and rendering are wall-clock time. Tasks are processor time, which does
// not depend on the load of the machine. There are no limits.

import fs from "node:fs";
import path from "node:path";

import { drawn, launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

const PAGES = ["index.html", "duo-metrics/index.html", "project-metrics/index.html"];
const DEVICES = [
  { name: "desktop", slower: 1, viewport: { width: 1440, height: 900 } },
  { name: "phone", slower: 4, viewport: { width: 390, height: 844 } },
];
const [site = "public", runs = "5"] = process.argv.slice(2);

const server = await serve(path.resolve(site));
const browser = await launch();
try {
  for (const page of PAGES.filter((page) => fs.existsSync(path.join(site, page)))) {
    for (const device of DEVICES) {
      const visits = [];
      for (let run = 0; run < Number(runs); run += 1)
        visits.push(await visit(`${server.url}/${page}`, device));
      const medians = Object.keys(visits[0]).map(
        (name) => `${name} ${Math.round(median(visits.map((times) => times[name])))} ms`,
      );
      console.log(`${page} ${device.name}: ${medians.join(", ")}`);
    }
  }
} finally {
  await browser.close();
  server.stop();
}

/** Milliseconds of a visit and of a change of a filter. */
async function visit(address, { slower, viewport }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: slower });
  const opening = await tasksOf(page, async () => {
    await page.goto(address);
    await drawn(page);
  });
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  const times = { "first paint": paint, "longest task": opening.longest, "all tasks": opening.sum };
  if (await page.locator("#filter-compare").count()) {
    let time;
    const choosing = await tasksOf(page, async () => {
      time = await choose(page);
    });
    times["another choice"] = time;
    times["its longest task"] = choosing.longest;
  }
  await context.close();
  return times;
}

/** Changes a filter, and waits until the page has rendered. */
function choose(page) {
  return page.evaluate(async () => {
    const select = document.getElementById("filter-compare");
    const start = performance.now();
    select.value = "none";
    select.dispatchEvent(new Event("change"));
    while (!document.documentElement.classList.contains("drawn"))
      await new Promise((resolve) => setTimeout(resolve));
    return performance.now() - start;
  });
}

/** Milliseconds of the main thread in all tasks and in the longest one. */
async function tasksOf(page, work) {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await work();
  // Includes layout and paint of the last figure.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(thread),
  );
  const tasks = traceEvents
    .filter((event) => event.name === "ThreadControllerImpl::RunTask" && mains.has(thread(event)))
    .map(({ tdur = 0 }) => tdur / 1000);
  return { longest: Math.max(0, ...tasks), sum: tasks.reduce((sum, time) => sum + time, 0) };
}

function median(times) {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
