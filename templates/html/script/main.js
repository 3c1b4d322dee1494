// Renders a dashboard, and renders it again when the selection changes.

import { byId, element } from "./elements.js";
import { addFilterNotes, filterNote } from "./filter-notes.js";
import { filterBar, filterField, filterLabel, filterSummary, syncFields } from "./filters.js";
import { localizeNumbers } from "./locale.js";
import { Metrics } from "./metrics.js";
import {
  chartSlots,
  comparisonPeriod,
  earlierSlot,
  filtersFor,
  FILTER_KEYS,
  formatHash,
  PAGE_FILTERS,
  parseHash,
  parsePeriod,
} from "./state.js";
import { letPrintDefinitions, linkSections, showView, viewOf } from "./views.js";

/**
 * @import {Data, Grain, Period} from "./metrics.js"
 * @import {Page, Section} from "./sections.js"
 * @import {FilterKey, Filters} from "./state.js"
 */

/**
 * Starts a dashboard with its sections.
 * @param {Section[]} sections
 */
export function startDashboard(sections) {
  linkSections();
  letPrintDefinitions();
  localizeNumbers(byId("answer"));
  // Before the first paint, so that no other view flashes up.
  showView(viewOf(parseFragment()));
  // Parsing, indexing and rendering take a while each: as separate tasks they let the browser respond in between.
  setTimeout(renderDashboard, 0, JSON.parse(byId("figures").textContent ?? ""), sections);
}

/** The section in the fragment. */
function parseFragment() {
  const [first] = location.hash.slice(1).split("&");
  return first.includes("=") ? "" : first;
}

/**
 * @param {Data} data
 * @param {Section[]} sections
 */
function renderDashboard(data, sections) {
  const metrics = new Metrics(data);
  const filters = filtersFor(metrics);
  if (filters.period.options.length === 0) {
    document.documentElement.classList.add("drawn");
    const open = () => scrollToSection(parseFragment(), "instant");
    addEventListener("hashchange", open);
    open();
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
      activeFilters: FILTER_KEYS.filter(
        (key) => key !== "compare" && key !== "span" && selected[key] !== filters[key].initial,
      ).map((key) => ({ key, label: filterLabel(filters, selected, key) })),
      period,
      before: comparisonPeriod(period, selected.compare),
      group: Math.max(
        0,
        data.groups.findIndex((group) => group.name === selected.group),
      ),
      slots: (grain) => (slots[grain] ??= chartSlots(data, selected, period, grain)),
      earlier: (slot) => earlierSlot(data, selected, period, slot),
      change,
      shown: [],
    };
  };
  const render = (then = () => {}) => {
    syncFields(filters, selected);
    byId("chosen").textContent = filterSummary(filters, selected);
    const page = currentPage();
    noteOnAnswer(page);
    renderSections(sections, page, then);
  };
  const pushState = () => {
    const hash = formatHash(section, selected, filters);
    history.pushState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };
  /** @type {(key: FilterKey, value: string) => void} */
  const change = (key, value) => {
    selected = { ...selected, [key]: value };
    keepView();
    pushState();
    render(() => announce(`Showing ${filterLabel(filters, selected, key)}`));
  };
  const reset = () => {
    ({ selected } = parseHash("", filters));
    keepView();
    pushState();
    render(() => announce("Filters reset"));
  };
  // A reader who changes a filter stays in the view, not at the section that a link opened.
  const keepView = () => {
    const { view } = document.documentElement.dataset;
    section = view && view !== "answer" ? view : "";
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
    const keys = PAGE_FILTERS.filter((key) => key !== "team" || filters.team.options.length > 1);
    bar.replaceChildren(...filterBar(keys, filters, change, reset));
    addLocalFilters(sections, filters, change);
    render();
    if (section) scrollToSection(section, "instant");
  });
}

/**
 * States in the first view, which is always that of the last 28 days, which filters do not apply to it.
 * @param {Page} page
 */
function noteOnAnswer({ activeFilters }) {
  const view = byId("answer");
  view.querySelector(":scope > .unaffected")?.remove();
  if (activeFilters.length > 0) view.prepend(filterNote(activeFilters));
}

/**
 * Adds the filters that apply to single sections to them.
 * @param {Section[]} sections
 * @param {Filters} filters
 * @param {(key: FilterKey, value: string) => void} change
 */
function addLocalFilters(sections, filters, change) {
  /** @type {Set<FilterKey>} */
  const seen = new Set();
  for (const { id, filters: keys = [] } of sections) {
    const fields = keys
      .filter((key) => filters[key].options.length > 1)
      .map((key) => filterField(key, filters[key], change, seen.has(key) ? `-${id}` : ""));
    for (const key of keys) seen.add(key);
    document.querySelector(`#${id} .local`)?.replaceChildren(...fields);
  }
}

/** Counts renders, so that an outdated one stops. */
let currentRender = 0;

/** Milliseconds after which rendering yields to the browser. On a slow phone, one figure can take several times as long. */
const MAX_TASK_MS = 4;

/**
 * Renders figure by figure, the sections of the open view first, and yields to the browser in between.
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
    const target = document.getElementById(id);
    if (!target || !target.closest(".view.current")) return Infinity;
    const box = target.getBoundingClientRect();
    return Math.max(0, box.top - innerHeight, -box.bottom);
  };
  const sections = all
    .map((section) => ({ section, distance: distance(section) }))
    .sort((a, b) => (a.distance === b.distance ? 0 : a.distance - b.distance));
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
  for (const { id, filters = [], build } of sections) {
    const content = [];
    /** @type {Page["shown"]} */
    const shown = [];
    for (const figure of build({ ...page, shown })) {
      content.push(figure);
      yield;
    }
    const applying = page.activeFilters.filter(
      ({ key }) => PAGE_FILTERS.includes(key) || filters.includes(key),
    );
    const note = addFilterNotes({ ...page, activeFilters: applying }, shown);
    const nodes = [note, ...content].flat(2).filter((node) => node instanceof Node);
    if (nodes.length === 0)
      nodes.push(element("p", { class: "nothing" }, "Nothing to compare for these days."));
    document.getElementById(`${id}-body`)?.replaceChildren(...nodes);
    yield;
  }
}

/** The target that a link leads to while the page renders: content above it still moves it. */
let pendingTarget = "";

/**
 * Opens the view of a section or figure, scrolls there and moves the focus there. A view is shown from its start.
 * @param {string} id empty for the first view
 * @param {ScrollBehavior} behavior
 */
function scrollToSection(id, behavior) {
  const target = document.getElementById(id);
  const isRendered = document.documentElement.classList.contains("drawn");
  // Figures have no element before they are rendered.
  pendingTarget = isRendered ? "" : id;
  if (id && !target) return;
  const view = viewOf(id);
  const wasHidden = showView(view);
  const isStart = !target || target.id === view || view === "answer";
  // The observer of the bar runs with the next frame, which can be later than this.
  reserveScrollPadding();
  // In Chromium, an instant scroll during a smooth one ends too far: the rest of the smooth one is added.
  const how = isRendered && !wasHidden ? behavior : "instant";
  if (isStart) scrollTo({ top: 0, behavior: how });
  else target.scrollIntoView({ behavior: how });
  const focused = isStart ? (byId(view).querySelector("h2") ?? byId("content")) : target;
  if (!focused.hasAttribute("tabindex")) focused.setAttribute("tabindex", "-1");
  focused.focus({ preventScroll: true });
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
