// Renders a dashboard, and renders it again when the selection changes.

import { byId } from "./elements.js";
import { addFilterNotes } from "./filter-notes.js";
import { filterBar, filterLabel, filterSummary, syncFields } from "./filters.js";
import { Metrics } from "./metrics.js";
import { chartSlots } from "./sections.js";
import { comparisonPeriod, filtersFor, formatHash, LINE_FILTERS, parseHash, parsePeriod } from "./state.js";

/**
 * @import {Data, Grain, Period} from "./metrics.js"
 * @import {Page, Section} from "./sections.js"
 * @import {FilterKey} from "./state.js"
 */

/**
 * Starts a dashboard with its sections and filters.
 * @param {Section[]} sections
 * @param {FilterKey[]} keys
 */
export function startDashboard(sections, keys) {
  // Parsing, indexing and rendering take a while each: as separate tasks they let the browser respond in between.
  setTimeout(renderDashboard, 0, JSON.parse(byId("figures").textContent ?? ""), sections, keys);
}

/**
 * @param {Data} data
 * @param {Section[]} sections
 * @param {FilterKey[]} keys
 */
function renderDashboard(data, sections, keys) {
  const metrics = new Metrics(data);
  const filters = filtersFor(metrics);
  if (filters.period.options.length === 0) {
    document.documentElement.classList.add("drawn");
    return;
  }
  let { section, selected } = parseHash(location.hash, filters);
  const bar = byId("filters");
  new ResizeObserver(reserveScrollPadding).observe(/** @type {HTMLElement} */ (bar.parentElement));
  /** @returns {Page} */
  const currentPage = () => {
    const period = parsePeriod(selected.period);
    /** @type {Partial<Record<Grain, Period[]>>} */
    const slots = {};
    return {
      data,
      metrics,
      small: data.small,
      selected,
      activeFilters: LINE_FILTERS.filter((key) => selected[key] !== filters[key].initial).map((key) => ({
        key,
        label: filterLabel(filters, selected, key),
      })),
      period,
      before: comparisonPeriod(period, selected.compare),
      group: Math.max(
        0,
        data.groups.findIndex((group) => group.name === selected.group),
      ),
      slots: (grain) => (slots[grain] ??= chartSlots(data, selected, period, grain)),
      shown: [],
    };
  };
  const render = (then = () => {}) => {
    syncFields(keys, filters, selected);
    byId("chosen").textContent = filterSummary(keys, filters, selected);
    renderSections(sections, currentPage(), then);
  };
  const pushState = () => {
    const hash = formatHash(section, selected, filters);
    history.pushState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };
  /** @type {(key: FilterKey, value: string) => void} */
  const change = (key, value) => {
    selected = { ...selected, [key]: value };
    section = "";
    pushState();
    render(() => announce(`Showing ${filterLabel(filters, selected, key)}`));
  };
  const reset = () => {
    ({ selected } = parseHash("", filters));
    section = "";
    pushState();
    render(() => announce("Filters reset"));
  };
  // A link within the page keeps the selection. The browser handles links that open elsewhere.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    section = (link.getAttribute("href") ?? "").slice(1);
    pushState();
    scrollToSection(section, "auto");
  });
  addEventListener("popstate", () => {
    const before = formatHash("", selected, filters);
    ({ section, selected } = parseHash(location.hash, filters));
    if (formatHash("", selected, filters) !== before) render();
    scrollToSection(section, "instant");
  });
  setTimeout(() => {
    bar.replaceChildren(...filterBar(keys, filters, change, reset));
    render();
    scrollToSection(section, "instant");
  });
}

/** Counts renders, so that an outdated one stops. */
let currentRender = 0;

/** Milliseconds after which rendering yields to the browser. On a slow phone, one figure can take several times as long. */
const MAX_TASK_MS = 4;

/**
 * Renders figure by figure, sections in the viewport first, and yields to the browser in between.
 * @param {Section[]} all
 * @param {Page} page
 * @param {() => void} then
 */
function renderSections(all, page, then) {
  currentRender += 1;
  const thisRender = currentRender;
  const root = document.documentElement;
  root.classList.remove("drawn");
  /** @param {Section} section */
  const distance = ({ id }) => {
    const box = document.getElementById(id)?.getBoundingClientRect();
    return box ? Math.max(0, box.top - innerHeight, -box.bottom) : Infinity;
  };
  const sections = all
    .map((section) => ({ section, distance: distance(section) }))
    .sort((a, b) => a.distance - b.distance);
  const steps = renderSteps(
    sections.map(({ section }) => section),
    page,
  );
  const step = () => {
    if (thisRender !== currentRender) return;
    const start = performance.now();
    while (performance.now() - start < MAX_TASK_MS) {
      if (steps.next().done) {
        root.classList.add("drawn");
        if (pendingTarget) scrollToSection(pendingTarget, "instant");
        then();
        return;
      }
    }
    setTimeout(step);
  };
  setTimeout(step);
}

/**
 * Fills the sections; pauses after every figure.
 * @param {Section[]} sections
 * @param {Page} page
 */
function* renderSteps(sections, page) {
  for (const { id, build } of sections) {
    const content = [];
    /** @type {Page["shown"]} */
    const shown = [];
    for (const figure of build({ ...page, shown })) {
      content.push(figure);
      yield;
    }
    const note = addFilterNotes(page, shown);
    const nodes = [note, ...content].flat(2).filter((node) => node instanceof Node);
    document.getElementById(`${id}-body`)?.replaceChildren(...nodes);
    yield;
  }
}

/** The section that a link leads to while the page renders: content above it still moves it. */
let pendingTarget = "";

/**
 * Scrolls to a section and moves the focus there.
 * @param {string} id
 * @param {ScrollBehavior} behavior
 */
function scrollToSection(id, behavior) {
  const target = document.getElementById(id);
  const isRendered = document.documentElement.classList.contains("drawn");
  pendingTarget = target && !isRendered ? id : "";
  if (!target) return;
  // The observer of the bar runs with the next frame, which can be later than this.
  reserveScrollPadding();
  // In Chromium, an instant scroll during a smooth one ends too far: the rest of the smooth one is added.
  target.scrollIntoView({ behavior: isRendered ? behavior : "instant" });
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

// A reader who scrolls or types stays where they are.
for (const type of ["wheel", "touchmove", "pointerdown", "keydown"])
  addEventListener(type, () => (pendingTarget = ""), { passive: true });

/** Keeps link targets below the sticky bar, whose height depends on the line breaks in it. */
function reserveScrollPadding() {
  const bar = /** @type {HTMLElement} */ (byId("filters").parentElement);
  const height = getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
  document.documentElement.style.scrollPaddingTop = `${height}px`;
}

/**
 * Announces a change to screen readers.
 * @param {string} text
 */
function announce(text) {
  byId("announcement").textContent = text;
}
