// Lighthouse over the pages of a site, as on a desktop and as on a phone. `node lighthouse.mjs SITE`.

import path from "node:path";
import { fileURLToPath } from "node:url";
import desktop from "lighthouse/core/config/desktop-config.js";
import lighthouse from "lighthouse";

import { launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

const LEAST = 98;
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const PORT = 9333;

/** The scores of every page, and what keeps one from 100. */
export async function audit(site, pages) {
  const server = await serve(path.resolve(site));
  const browser = await launch([`--remote-debugging-port=${PORT}`]);
  const told = [];
  try {
    for (const page of pages) {
      for (const [device, config] of [
        ["desktop", desktop],
        ["mobile", undefined],
      ]) {
        const flags = { port: PORT, logLevel: "error", onlyCategories: CATEGORIES };
        const { lhr } = await lighthouse(`${server.url}/${page}`, flags, config);
        const scores = CATEGORIES.map((category) => Math.round(lhr.categories[category].score * 100));
        const lost = Object.values(lhr.audits).filter(
          (audit) => audit.score !== null && audit.score < 1 && audit.scoreDisplayMode !== "informative",
        );
        told.push({
          page,
          device,
          scores,
          lost: lost.map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`),
        });
      }
    }
  } finally {
    await browser.close();
    server.stop();
  }
  return told;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = ["index.html", "duo-metrics/index.html", "project-metrics/index.html"];
  let failed = 0;
  for (const { page, device, scores, lost } of await audit(process.argv[2] ?? "public", pages)) {
    const named = scores.map((score, at) => `${CATEGORIES[at]} ${score}`).join(", ");
    console.log(`${page} ${device}: ${named}${lost.length > 0 ? ` (${lost.join("; ")})` : ""}`);
    failed += scores.filter((score) => score < LEAST).length;
  }
  process.exitCode = failed > 0 ? 1 : 0;
}
