// Chromium, and pages that record everything that goes wrong.

import fs from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of Chromium: `CHROMIUM`, else a usual one. */
export function chromiumPath() {
  const found = [process.env.CHROMIUM, ...PLACES].find((place) => place && fs.existsSync(place));
  if (!found)
    throw new Error("Chromium is not installed: apt-get install chromium, or set CHROMIUM to its path");
  return found;
}

/** Starts Chromium. */
export function launch(args = []) {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...args],
  });
}

/**
 * Shows all views of a page at once, or one at a time again. A constructed style sheet is not subject to the policy.
 */
export async function showAllViews(page, isOn = true) {
  await page.evaluate((isOn) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(isOn ? "@media screen { .view.view { display: block !important } }" : "");
    document.adoptedStyleSheets = [sheet];
  }, isOn);
}

/**
 * A page with its `problems`: console errors and warnings, exceptions, violations of the policy, failed requests, and
 * requests to another origin.
 */
export async function openPage(
  browser,
  address,
  { width = 1440, height = 900, scheme = "light", allViews = false, ...more } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    acceptDownloads: true,
    // The default of most readers.
    reducedMotion: "no-preference",
    ...more,
  });
  const page = await context.newPage();
  const problems = [];
  const origin = address.startsWith("file:") ? "file:" : new URL(address).origin;
  page.on(
    "console",
    (message) => ["error", "warning"].includes(message.type()) && problems.push(`console: ${message.text()}`),
  );
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) =>
    problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`),
  );
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) problems.push(`another host: ${url}`);
  });
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  await page.goto(address);
  await drawn(page);
  if (allViews) await showAllViews(page);
  return { page, problems, close: () => context.close() };
}

/** Waits until the page has rendered; a page without data has no script. */
export async function drawn(page) {
  const runs = await page.evaluate(() => matchMedia("(scripting: enabled)").matches).catch(() => false);
  if (runs)
    await page.waitForFunction(
      () => !document.getElementById("figures") || document.documentElement.classList.contains("drawn"),
    );
}
