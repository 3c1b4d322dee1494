// Takes the screenshots of the README from a site with synthetic data: `npm run screenshots`, or
// `node screenshots.mjs SITE [PREFIX]` for an existing site.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch, openPage } from "./browser.mjs";
import { STATES, agentLines, binaries, buildSite } from "./sites.mjs";

const PICTURES = fileURLToPath(new URL("../../docs/pictures", import.meta.url));

const SHOTS = [
  { name: "duo-light", file: "duo-metrics/index.html", height: 660 },
  {
    name: "duo-dark",
    file: "duo-metrics/index.html",
    scheme: "dark",
    to: "suggestions",
    width: 1100,
    height: 640,
  },
  { name: "agents", file: "duo-metrics/index.html", to: "agents", height: 720 },
  { name: "phone", file: "duo-metrics/index.html", width: 390, height: 640 },
  { name: "print", file: "duo-metrics/index.html", media: "print", width: 794, height: 1123 },
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duo-metrics-pictures-"));
const browser = await launch();
try {
  let site = process.argv[2];
  if (!site) {
    const usual = STATES.find((state) => state.name === "usual");
    await buildSite({ ...usual, extra: agentLines("*", usual.days) }, binaries(), folder);
    site = path.join(folder, "public");
  }
  fs.mkdirSync(PICTURES, { recursive: true });
  const prefix = process.argv[3] ?? "";
  for (const { name, file, to, media, ...look } of SHOTS) {
    const address = pathToFileURL(path.resolve(site, file)).href + (to ? `#${to}` : "");
    const { page, close } = await openPage(browser, address, { width: 1280, locale: "en-GB", ...look });
    if (media) await page.emulateMedia({ media });
    await page.screenshot({ path: path.join(PICTURES, `${prefix}${name}.png`) });
    await close();
  }
} finally {
  await browser.close();
  fs.rmSync(folder, { recursive: true, force: true });
}
