// How soon a reader sees a page, and how long it keeps them waiting: `node speed.mjs SITE [RUNS]` prints medians for every
// page of a site, as on a desktop and with the processor of a phone (four times slower). Nothing is judged: how busy a machine
// is says nothing about a page.

import fs from "node:fs";
import path from "node:path";

import { drawn, launch, openPage } from "./browser.mjs";
import { serve } from "./serve.mjs";

const PAGES = ["index.html", "duo-metrics/index.html", "project-metrics/index.html"];
const DEVICES = [
  { name: "desktop", slower: 1, width: 1440, height: 900 },
  { name: "phone", slower: 4, width: 390, height: 844 },
];
const [site = "public", runs = "5"] = process.argv.slice(2);

const server = await serve(path.resolve(site));
const browser = await launch();
try {
  for (const page of PAGES.filter((page) => fs.existsSync(path.join(site, page)))) {
    for (const device of DEVICES) {
      const told = [];
      for (let run = 0; run < Number(runs); run += 1)
        told.push(await measure(`${server.url}/${page}`, device));
      const names = Object.keys(told[0]);
      const medians = names.map(
        (name) => `${name} ${Math.round(median(told.map((times) => times[name])))} ms`,
      );
      console.log(`${page} ${device.name}: ${medians.join(", ")}`);
    }
  }
} finally {
  await browser.close();
  server.stop();
}

/** Milliseconds of one visit. */
async function measure(address, { slower, ...screen }) {
  const { page, close } = await openPage(browser, "about:blank", screen);
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: slower });
  await page.addInitScript(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask", buffered: true });
    // Whether everything is drawn is told by a class; when it was is not.
    new MutationObserver(() => {
      if (document.documentElement?.classList.contains("drawn")) window.drawnAt ??= performance.now();
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["class"] });
  });
  await page.goto(address);
  await drawn(page);
  const times = await page.evaluate(async () => {
    // The last tasks are told after they have ended.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
    const times = { "first paint": paint };
    if (window.drawnAt) Object.assign(times, { "all drawn": window.drawnAt, "longest task": window.longest });
    return times;
  });
  if (times["all drawn"]) Object.assign(times, await chosen(page));
  await close();
  return times;
}

/** Chooses something else, and waits until all is drawn anew. */
function chosen(page) {
  return page.evaluate(async () => {
    window.longest = 0;
    const select = document.getElementById("filter-compare");
    const start = performance.now();
    select.value = "none";
    select.dispatchEvent(new Event("change"));
    while (!document.documentElement.classList.contains("drawn"))
      await new Promise((resolve) => setTimeout(resolve));
    const time = performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { "another choice": time, "its longest task": window.longest };
  });
}

function median(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
