// Elements without markup in strings: what figures say can never become markup.

/** An HTML element. `attributes` with a function are listeners; children are elements, texts or nothing. */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== undefined && value !== null && value !== false && value !== "")
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(
    ...children
      .flat()
      .filter((child) => child !== undefined && child !== null && child !== "" && child !== false),
  );
  return made;
}
