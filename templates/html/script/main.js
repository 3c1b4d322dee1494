// Reads the figures, draws the sections, and draws them anew when something else is chosen.

import { Figures } from "./figures.js";
import { markUnaffected } from "./filter-notes.js";
import { choiceLabel, chosenWords, filterBar, showChoice } from "./filters.js";
import { slotsOf } from "./sections.js";
import { NARROWING, comparedWith, offersOf, periodOf, readFragment, writeFragment } from "./state.js";

/** Starts a dashboard of these sections, with the filters that say something there. */
export function startDashboard(sections, filters) {
  // Reading, sorting and showing the figures take a while each: the browser may answer in between.
  setTimeout(start, 0, JSON.parse(document.getElementById("figures").textContent), sections, filters);
}

function start(data, sections, filters) {
  const figures = new Figures(data);
  const offers = offersOf(figures);
  if (offers.period.options.length === 0) {
    document.documentElement.classList.add("drawn");
    return;
  }
  let { section, choice } = readFragment(location.hash, offers);
  const bar = document.getElementById("filters");
  keepClearOf(document.querySelector(".top"));
  const pageOf = () => {
    const period = periodOf(choice.period);
    const slots = {};
    return {
      data,
      figures,
      small: data.small,
      choice,
      chosen: NARROWING.filter((part) => choice[part] !== offers[part].start).map((part) => ({
        part,
        words: choiceLabel(offers, choice, part),
      })),
      period,
      before: comparedWith(period, choice.compare),
      group: Math.max(
        0,
        data.groups.findIndex((group) => group.name === choice.group),
      ),
      slots: (grain) => (slots[grain] ??= slotsOf(data, choice, period, grain)),
    };
  };
  const draw = (then = () => {}) => {
    showChoice(filters, offers, choice);
    document.getElementById("chosen").textContent = chosenWords(filters, offers, choice);
    drawSections(sections, pageOf(), then);
  };
  const remember = () => {
    const fragment = writeFragment(section, choice, offers);
    history.pushState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  };
  const change = (part, value) => {
    choice = { ...choice, [part]: value };
    section = "";
    remember();
    draw(() => said(`Shown: ${choiceLabel(offers, choice, part)}`));
  };
  const reset = () => {
    ({ choice } = readFragment("", offers));
    section = "";
    remember();
    draw(() => said("Filters reset"));
  };
  // A link within the page keeps what was chosen. One that is opened elsewhere is left to the browser.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    section = link.getAttribute("href").slice(1);
    remember();
    goTo(section, "auto");
  });
  const follow = () => {
    const before = writeFragment("", choice, offers);
    ({ section, choice } = readFragment(location.hash, offers));
    if (writeFragment("", choice, offers) !== before) draw();
    goTo(section, "instant");
  };
  addEventListener("popstate", follow);
  setTimeout(() => {
    bar.replaceChildren(...filterBar(filters, offers, change, reset));
    draw();
    goTo(section, "instant");
  });
}

let drawing = 0;

/** Milliseconds of drawing after which the browser may answer: on a slow phone, a figure may take several times as long. */
const TURN = 4;

/** Draws one figure after the other, the sections in sight first, and lets the browser answer in between. */
function drawSections(all, page, then) {
  drawing += 1;
  const mine = drawing;
  const root = document.documentElement;
  root.classList.remove("drawn");
  const distance = ({ id }) => {
    const box = document.getElementById(id)?.getBoundingClientRect();
    return box ? Math.max(0, box.top - innerHeight, -box.bottom) : Infinity;
  };
  const sections = all.map((section) => [distance(section), section]).sort((a, b) => a[0] - b[0]);
  const work = sectionBySection(
    sections.map(([, section]) => section),
    page,
  );
  const step = () => {
    if (mine !== drawing) return;
    const start = performance.now();
    while (performance.now() - start < TURN) {
      if (work.next().done) {
        root.classList.add("drawn");
        arrive();
        then();
        return;
      }
    }
    setTimeout(step);
  };
  setTimeout(step);
}

/** Fills the sections; can be left for a while after every figure. */
function* sectionBySection(sections, page) {
  for (const { id, build } of sections) {
    const made = [];
    const shown = [];
    for (const figure of build({ ...page, shown })) {
      made.push(figure);
      yield;
    }
    const unaffected = markUnaffected(page, shown);
    document.getElementById(`${id}-body`)?.replaceChildren(...[unaffected, ...made].flat(2).filter(Boolean));
    yield;
  }
}

/** The section that a link leads to, until everything is drawn: what is drawn above it moves it. */
let destination = "";

/** Shows a section, and moves the keyboard there. */
function goTo(id, behavior) {
  const target = document.getElementById(id);
  const isDrawn = document.documentElement.classList.contains("drawn");
  destination = target && !isDrawn ? id : "";
  if (!target) return;
  // Chromium adds what a smooth scroll still has to go to the position that a later instant one sets.
  target.scrollIntoView({ behavior: isDrawn ? behavior : "instant" });
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

/** Shows the section of a link again when everything is drawn, unless the reader went elsewhere meanwhile. */
function arrive() {
  if (destination) goTo(destination, "instant");
}

for (const type of ["wheel", "touchmove", "pointerdown", "keydown"])
  addEventListener(type, () => (destination = ""), { passive: true });

/** Keeps the places of links below a bar that stays on top, however many lines it has. */
function keepClearOf(bar) {
  new ResizeObserver(() => {
    const height = getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    document.documentElement.style.scrollPaddingTop = `${height}px`;
  }).observe(bar);
}

/** Tells a screen reader what changed. */
function said(words) {
  document.getElementById("said").textContent = words;
}
