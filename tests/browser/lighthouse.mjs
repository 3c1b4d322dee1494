// Runs Lighthouse on the pages of a site, as a desktop and as a phone: `node lighthouse.mjs SITE [RUNS]` prints medians. A copy
// of the first dashboard without its script shows how much of the score depends on the machine.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import desktop from "lighthouse/core/config/desktop-config.js";
import lighthouse from "lighthouse";

import { launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

const MIN_SCORE = 98;
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const PORT = 9333;
const PAGES = ["index.html", "duo-metrics/index.html", "project-metrics/index.html"];
const BARE = "without-script/index.html";

/** The scores of every page, and the audits that were not passed. */
export async function audit(site, pages, runs) {
  const server = await serve(path.resolve(site));
  const browser = await launch([`--remote-debugging-port=${PORT}`]);
  const results = [];
  try {
    for (const page of pages) {
      for (const [device, config] of [
        ["desktop", desktop],
        ["phone", undefined],
      ]) {
        const scores = CATEGORIES.map(() => []);
        const lost = new Map();
        for (let run = 0; run < runs; run += 1) {
          const flags = { port: PORT, logLevel: "error", onlyCategories: CATEGORIES };
          const { lhr } = await lighthouse(`${server.url}/${page}`, flags, config);
          CATEGORIES.forEach((category, at) =>
            scores[at].push(Math.round(lhr.categories[category].score * 100)),
          );
          for (const { id, score, scoreDisplayMode, displayValue } of Object.values(lhr.audits))
            if (score !== null && score < 1 && scoreDisplayMode !== "informative")
              lost.set(id, [...(lost.get(id) ?? []), displayValue ?? ""]);
        }
        results.push({ page, device, scores: scores.map(sorted), lost });
      }
    }
  } finally {
    await browser.close();
    server.stop();
  }
  return results;
}

function sorted(scores) {
  return scores.sort((one, other) => one - other);
}

/** A copy of the site with a dashboard without a script. */
function withBarePage(site) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duo-metrics-lighthouse-"));
  fs.cpSync(site, folder, { recursive: true });
  const html = fs.readFileSync(path.join(folder, "duo-metrics/index.html"), "utf8");
  fs.mkdirSync(path.join(folder, path.dirname(BARE)));
  fs.writeFileSync(path.join(folder, BARE), html.replace(/<script\b[^]*?<\/script>/g, ""));
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [site = "public", runs = "3"] = process.argv.slice(2);
  const folder = withBarePage(site);
  try {
    for (const { page, device, scores, lost } of await audit(folder, [...PAGES, BARE], Number(runs))) {
      const named = scores.map((scores, at) => {
        const median = scores[Math.floor(scores.length / 2)];
        if (page !== BARE && median < MIN_SCORE) process.exitCode = 1;
        return `${CATEGORIES[at]} ${median} (${scores[0]} to ${scores.at(-1)})`;
      });
      const why = [...lost].map(([id, values]) => `${id} ${values.join(", ")}`);
      console.log(
        `${page} ${device}: ${named.join(", ")}${why.length > 0 ? `; lost: ${why.join("; ")}` : ""}`,
      );
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
