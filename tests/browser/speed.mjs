// How long a page keeps its reader waiting: `node speed.mjs SITE [RUNS]` prints medians for every page of a site, as on a desktop
// and with the processor of a phone (four times slower). Paint and drawing are by the clock; tasks are processor time, which
// other work on the machine does not lengthen. Nothing is judged.

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
      const told = [];
      for (let run = 0; run < Number(runs); run += 1) told.push(await visit(`${server.url}/${page}`, device));
      const medians = Object.keys(told[0]).map(
        (name) => `${name} ${Math.round(median(told.map((times) => times[name])))} ms`,
      );
      console.log(`${page} ${device.name}: ${medians.join(", ")}`);
    }
  }
} finally {
  await browser.close();
  server.stop();
}

/** Milliseconds of a visit, and of a choice in the filters where there are some. */
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

/** Chooses something else, and waits until all is drawn anew. */
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

/** Milliseconds that the thread of the page worked while this was done, and in the longest task. */
async function tasksOf(page, work) {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await work();
  // What was drawn last has to be laid out and painted.
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
