// Takes the screenshots of the README from the demo: `npm run screenshots`, or `node screenshots.mjs SITE
// [PREFIX]` from an existing site.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch, openPage } from "./browser.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PICTURES = path.join(ROOT, "docs/pictures");

/** The arguments of the demo. */
const DEMO = [
  "run",
  "--quiet",
  "--release",
  "--example",
  "demo",
  "--",
  "--seat-price",
  "39:USD",
  "--target",
  "80",
];

const SHOTS = [
  { name: "duo-light", file: "duo-metrics/index.html", height: 1160 },
  {
    name: "duo-dark",
    file: "duo-metrics/index.html",
    scheme: "dark",
    to: "used",
    width: 1100,
    height: 760,
  },
  { name: "agents", file: "duo-metrics/index.html", to: "agent-outcomes", height: 860 },
  { name: "phone", file: "duo-metrics/index.html", width: 390, height: 844 },
  { name: "print", file: "duo-metrics/index.html", media: "print", width: 794, height: 1123 },
];

const browser = await launch();
try {
  let site = process.argv[2];
  if (!site) {
    const { status } = spawnSync("cargo", DEMO, { cwd: ROOT, stdio: "inherit" });
    if (status !== 0) throw new Error("the demo failed");
    site = path.join(ROOT, "public");
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
}
