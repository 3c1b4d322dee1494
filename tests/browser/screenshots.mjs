// The pictures of the README: a site of invented people, as a reader sees it. `npm run screenshots`.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { launch, openPage } from "./browser.mjs";
import { STATES, binaries, buildSite } from "./sites.mjs";

const PICTURES = path.resolve(import.meta.dirname, "../../docs/pictures");

const SHOTS = [
  { name: "duo-light", page: "duo-metrics/index.html", height: 860 },
  { name: "duo-dark", page: "duo-metrics/index.html", scheme: "dark", to: "suggestions", height: 860 },
  { name: "phone", page: "duo-metrics/index.html", width: 390, height: 844 },
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duo-metrics-pictures-"));
const browser = await launch();
try {
  await buildSite(
    STATES.find((state) => state.name === "usual"),
    binaries(),
    folder,
  );
  fs.mkdirSync(PICTURES, { recursive: true });
  for (const { name, page: file, to, ...look } of SHOTS) {
    const address = pathToFileURL(path.join(folder, "public", file)).href + (to ? `#${to}` : "");
    const { page, close } = await openPage(browser, address, { width: 1280, locale: "en-GB", ...look });
    await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
    await close();
  }
} finally {
  await browser.close();
  fs.rmSync(folder, { recursive: true, force: true });
}
