// Creates elements without markup in strings, so that no text from the data can become markup.

/**
 * @typedef {Node|string|number|false|null|undefined} Child
 * @typedef {Record<string, string|number|boolean|((event: any) => void)|null|undefined>} Attributes
 */

/**
 * An HTML element. An attribute that is a function is a listener, and `undefined` and `null` leave it out. Booleans add or
 * remove it, except for `aria-*`, whose values are the words. Empty text and 0 are set: an option without `value` would
 * have its label as the value.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child|Child[])} children
 */
export function element(tag, attributes = {}, ...children) {
  return populate(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child|Child[])} children
 */
export function svgElement(tag, attributes = {}, ...children) {
  return populate(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * @template {Element} T
 * @param {T} target
 * @param {Attributes} attributes
 * @param {(Child|Child[])[]} children
 */
function populate(target, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "function") target.addEventListener(name, value);
    else if (typeof value === "boolean" && !name.startsWith("aria-")) target.toggleAttribute(name, value);
    else target.setAttribute(name, String(value));
  }
  for (const child of children.flat())
    if (child !== undefined && child !== null && child !== "" && child !== false)
      target.append(typeof child === "number" ? String(child) : child);
  return target;
}

/**
 * An element of the template.
 * @param {string} id
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}
