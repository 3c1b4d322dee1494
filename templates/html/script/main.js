// Reads the figures, draws the sections, and draws them anew when something else is chosen.

/** Starts with the figures of the page. */
function start(data) {
  const figures = new Figures(data);
  const offers = offersOf(figures);
  if (offers.period.options.length === 0) return;
  let { section, choice } = readFragment(location.hash, offers);
  const bar = document.getElementById("filters");
  const pageOf = () => {
    const period = periodOf(choice.period);
    const slots = {};
    return {
      data,
      figures,
      small: data.small,
      choice,
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
    document.getElementById("chosen").textContent = chosenWords(offers, choice);
    drawSections(pageOf(), then);
  };
  const drawBar = () => bar.replaceChildren(...filterBar(offers, choice, change, reset));
  const remember = () => {
    const fragment = writeFragment(section, choice, offers);
    history.pushState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  };
  const change = (part, value) => {
    choice = { ...choice, [part]: value };
    section = "";
    remember();
    document.getElementById(`filter-${part}`).classList.toggle("set", value !== offers[part].start);
    const label = offers[part].options.find((option) => option.value === value).label;
    draw(() => said(`Shown: ${offers[part].label}, ${label}`));
  };
  const reset = () => {
    ({ choice } = readFragment("", offers));
    section = "";
    remember();
    drawBar();
    draw(() => said("Filters reset"));
    bar.querySelector("select")?.focus();
  };
  // A link within the page keeps what was chosen.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    section = link.getAttribute("href").slice(1);
    remember();
    goTo(section);
  });
  const follow = () => {
    ({ section, choice } = readFragment(location.hash, offers));
    drawBar();
    draw(() => section && goTo(section));
  };
  addEventListener("popstate", follow);
  setTimeout(follow);
}

let drawing = 0;

/** Milliseconds of drawing after which the browser may answer: on a slow phone, a figure may take several times as long. */
const TURN = 4;

/** Draws one figure after the other, the sections in sight first, and lets the browser answer in between. */
function drawSections(page, then) {
  drawing += 1;
  const mine = drawing;
  const root = document.documentElement;
  root.classList.remove("drawn");
  const distance = ({ id }) => {
    const box = document.getElementById(id)?.getBoundingClientRect();
    return box ? Math.max(0, box.top - innerHeight, -box.bottom) : Infinity;
  };
  const sections = SECTIONS.map((section) => [distance(section), section]).sort((a, b) => a[0] - b[0]);
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
    for (const figure of build(page)) {
      made.push(figure);
      yield;
    }
    document.getElementById(`${id}-body`)?.replaceChildren(...made.flat(2).filter(Boolean));
    yield;
  }
}

/** Shows a section, and moves the keyboard there. */
function goTo(id) {
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView();
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

/** Tells a screen reader what changed. */
function said(words) {
  document.getElementById("said").textContent = words;
}

// Reading, sorting and showing the figures take a while each: the browser may answer in between.
setTimeout(start, 0, JSON.parse(document.getElementById("figures").textContent));
