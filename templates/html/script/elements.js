// Elements without markup in strings: what figures say can never become markup.

/**
 * An HTML element. An attribute with a function is a listener, `true` and `false` switch one on and off (`aria-*` have
 * these words as values), `undefined` and `null` leave it out. Everything else is written, the empty text and 0 too: of
 * an option without `value` the label would be the value. Children are elements, texts or nothing.
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (typeof value === "boolean" && !name.startsWith("aria-")) made.toggleAttribute(name, value);
    else made.setAttribute(name, value);
  }
  made.append(
    ...children
      .flat()
      .filter((child) => child !== undefined && child !== null && child !== "" && child !== false),
  );
  return made;
}
