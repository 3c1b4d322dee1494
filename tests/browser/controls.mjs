// Uses every control and link of a page, and reads what it shows.

import { drawn } from "./browser.mjs";

/** The enabled filters of a page. */
export function filtersOf(page) {
  return page.locator(".filter select:not(:disabled)").evaluateAll((selects) =>
    selects
      .filter(({ id }) => /^filter-\w+$/.test(id))
      .map(({ id, options }) => ({
        part: id.replace("filter-", ""),
        values: [...options].map(({ value }) => value),
      })),
  );
}

/** Selects a value of a filter, whose view may be hidden. */
export async function choose(page, part, value) {
  const select = page.locator(`#filter-${part}`);
  if (await select.isVisible()) await select.selectOption(value);
  else
    await select.evaluate((select, value) => {
      select.value = value;
      select.dispatchEvent(new Event("change"));
    }, value);
  await drawn(page);
}

/** The text of the page and the values of its filters. */
export function shown(page) {
  return page.evaluate(() => ({
    words: document.querySelector("main").innerText,
    chosen: [...document.querySelectorAll(".filter select")].map(({ id, value }) => `${id}=${value}`),
  }));
}

/**
 * Clicks every button of the sections twice. Returns those that are covered, off the screen, or did not return to their
 * initial state.
 */
export function pressEveryButton(page) {
  return page.evaluate(async () => {
    const faults = [];
    // Another test saves files: here are too many of them.
    HTMLAnchorElement.prototype.click = () => {};
    // Filters render the figures again; other tests use them.
    const settled = () => new Promise((resolve) => setTimeout(resolve));
    for (const button of document.querySelectorAll("main button:not(.row-filter)")) {
      if (!button.checkVisibility()) continue;
      const words = button.textContent;
      for (let time = 0; time < 2; time += 1) {
        button.scrollIntoView({ block: "center", behavior: "instant" });
        const { x, y, width, height } = button.getBoundingClientRect();
        const hit = document.elementFromPoint(x + width / 2, y + height / 2);
        if (!button.contains(hit)) faults.push(`${words} is covered by ${hit?.outerHTML.slice(0, 80)}`);
        button.click();
        await settled();
      }
      if (button.textContent !== words) faults.push(`${words} became ${button.textContent}`);
    }
    return faults;
  });
}

/** Taps every chart and moves in it by keyboard; returns the charts whose tooltip is hidden or outside the window. */
export function pointAtEveryChart(page) {
  return page.evaluate(() => {
    const faults = [];
    for (const plot of document.querySelectorAll(".plot")) {
      const tip = plot.querySelector(".tip");
      const area = plot.querySelector(".area");
      const check = (how) => {
        const box = tip.getBoundingClientRect();
        const outside = box.left < 0 || box.right > document.documentElement.clientWidth;
        if (tip.hidden || outside || !/: /.test(tip.textContent))
          faults.push(`${plot.ariaLabel}, ${how}: ${tip.hidden ? "hidden" : tip.textContent}, ${box.left}`);
        if (document.documentElement.scrollWidth > innerWidth)
          faults.push(`${plot.ariaLabel}, ${how}: too wide`);
      };
      area.scrollIntoView({ block: "center", behavior: "instant" });
      const { left, top, width, height } = area.getBoundingClientRect();
      for (const share of [0.02, 0.48, 0.52, 0.98]) {
        const at = {
          bubbles: true,
          pointerType: "touch",
          clientX: left + share * width,
          clientY: top + height / 2,
        };
        for (const type of ["pointerdown", "pointerup", "pointerout", "pointerleave"])
          area.dispatchEvent(new PointerEvent(type, { ...at, bubbles: type !== "pointerleave" }));
        check(`tapped at ${share}`);
      }
      for (const key of ["Home", "ArrowRight", "PageUp", "End", "ArrowLeft"]) {
        plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        check(key);
      }
      plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      if (!tip.hidden) faults.push(`${plot.ariaLabel}: Escape does not hide the tooltip`);
    }
    return faults;
  });
}

/** Waits until the page has rendered and does not scroll. */
export async function atRest(page) {
  await drawn(page);
  await page.evaluate(async () => {
    let [before, calm] = [NaN, 0];
    while (calm < 12) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      calm = scrollY === before ? calm + 1 : 0;
      before = scrollY;
    }
  });
}

/** Pixels between a link target and the bottom of the sticky bar. */
export function missed(page, id) {
  return page.evaluate((id) => {
    const bar = document.querySelector(".top");
    const covered = bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    const { top } = document.getElementById(id).getBoundingClientRect();
    // A short last section cannot be scrolled to the top.
    const isEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    return isEnd && top >= covered && top < innerHeight ? 0 : Math.round(top - covered);
  }, id);
}

/** Parts of the sections that have content, but are blank in a screenshot of the full page. */
export async function blankParts(page) {
  const parts = await page.evaluate(() =>
    [...document.querySelectorAll("main .body > *, main .body > * > *")].flatMap((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      const place = part.id || `${part.closest("section").id} ${part.className} ${part.tagName}`;
      return width > 1 && height > 1 && part.checkVisibility() && part.textContent.trim()
        ? [{ place, box: [left, top + scrollY, width, Math.min(height, 400)].map(Math.floor) }]
        : [];
    }),
  );
  const picture = (await page.screenshot({ fullPage: true })).toString("base64");
  const viewer = await page.context().browser().newPage();
  const blank = await viewer.evaluate(
    async ([picture, parts]) => {
      const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes]));
      const context = new OffscreenCanvas(image.width, 400).getContext("2d", { willReadFrequently: true });
      return parts
        .filter(({ box: [left, top, width, height] }) => {
          context.drawImage(image, left, top, width, height, 0, 0, width, height);
          const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
          return pixels.every((pixel) => pixel === pixels[0]);
        })
        .map(({ place }) => place);
    },
    [picture, parts],
  );
  await viewer.close();
  return { parts: parts.length, blank };
}

/**
 * Texts whose contrast to their background is below 4.5, as WCAG defines it, from the painted colors; `hovered` is the
 * state of every row.
 */
export function weakContrasts(page, hovered = false) {
  return page.evaluate((hovered) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const painted = (colors) => {
      for (const color of ["white", ...colors]) {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (color) => {
      const [red, green, blue] = color.map((channel) => {
        const share = channel / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const rows = hovered ? document.querySelectorAll("tbody tr > *") : [];
    for (const cell of rows) cell.style.backgroundColor = "var(--weekend)";
    const weak = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const inside = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || !inside.checkVisibility()) continue;
      if (inside.closest("script, style, :disabled, .for")) continue;
      const grounds = [];
      for (let element = inside; element; element = element.parentElement)
        grounds.unshift(getComputedStyle(element).backgroundColor);
      const style = getComputedStyle(inside);
      const ground = painted(grounds);
      const text = painted([`rgb(${ground})`, inside instanceof SVGElement ? style.fill : style.color]);
      const [dark, light] = [luminance(ground), luminance(text)].sort((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      if (contrast < 4.5)
        weak.add(
          `${contrast.toFixed(2)}: ${inside.tagName} ${inside.className}, rgb(${text}) on rgb(${ground})`,
        );
    }
    for (const cell of rows) cell.style.backgroundColor = "";
    return [...weak];
  }, hovered);
}
