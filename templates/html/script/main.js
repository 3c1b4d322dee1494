// Reads the figures, draws the sections, and draws them anew when something else is chosen.

function start() {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const figures = new Figures(data);
  const offers = offersOf(figures);
  if (offers.period.options.length === 0) return;
  let { section, choice } = readFragment(location.hash, offers);
  const bar = document.getElementById("filters");
  const pageOf = () => {
    const period = periodOf(choice.period);
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
      slots: (grain) => slotsOf(data, choice, period, grain),
    };
  };
  const draw = () => {
    const page = pageOf();
    document.getElementById("chosen").textContent = chosenWords(offers, choice);
    for (const { id, build } of SECTIONS)
      document.getElementById(`${id}-body`)?.replaceChildren(...build(page).flat(2).filter(Boolean));
  };
  const drawBar = () => bar.replaceChildren(...filterBar(offers, choice, change, reset));
  const remember = (write) => {
    const fragment = writeFragment(section, choice, offers);
    history[write](null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  };
  const change = (part, value) => {
    choice = { ...choice, [part]: value };
    section = "";
    remember("pushState");
    document.getElementById(`filter-${part}`).classList.toggle("set", value !== offers[part].start);
    draw();
    said(
      `Shown: ${offers[part].label}, ${offers[part].options.find((option) => option.value === value).label}`,
    );
  };
  const reset = () => {
    ({ choice } = readFragment("", offers));
    section = "";
    remember("pushState");
    drawBar();
    draw();
    said("Filters reset");
    bar.querySelector("select")?.focus();
  };
  const goTo = (id) => {
    const target = document.getElementById(id);
    if (!target) return;
    target.scrollIntoView();
    if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
    target.focus({ preventScroll: true });
  };
  // A link within the page keeps what was chosen.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    section = link.getAttribute("href").slice(1);
    remember("pushState");
    goTo(section);
  });
  const follow = () => {
    ({ section, choice } = readFragment(location.hash, offers));
    drawBar();
    draw();
    if (section) goTo(section);
  };
  addEventListener("popstate", follow);
  drawBar();
  draw();
  bar.hidden = false;
  document.documentElement.classList.add("drawn");
  if (section) goTo(section);
}

/** Tells a screen reader what changed. */
function said(words) {
  document.getElementById("said").textContent = words;
}

start();
