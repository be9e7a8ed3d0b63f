// Small tools for elements.

/** The element with an id. @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element: el("b.loud", {title: "x"}, "text", child).
 * @param {string} name a tag and classes @param {object} [props] @param {...(Node|string)} children
 * @returns {any}
 */
export function el(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  node.className = classes.join(" ");
  set(node, props);
  node.append(...children);
  return node;
}

/** Sets properties and attributes, where they differ. @param {any} node @param {Record<string, any>} props */
export function set(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name in node && !name.startsWith("aria")) {
      if (node[name] !== value) node[name] = value;
    } else if (value === null || value === undefined || value === false) {
      node.removeAttribute(name);
    } else if (node.getAttribute(name) !== String(value)) {
      node.setAttribute(name, String(value));
    }
  }
}

/** Sets a text, if it differs: what does not change is not read aloud again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const svgSpace = "http://www.w3.org/2000/svg";

/** Makes an SVG element. @param {string} tag @param {Record<string, any>} props @returns {any} */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * Keeps the children of a parent in step with a list: one for each item, made once.
 * @template T @param {Element} parent @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => Element} make @param {(node: any, item: T) => void} show
 */
export function keep(parent, items, key, make, show) {
  const before = new Map([...parent.children].map((node) => [/** @type {any} */ (node).key, node]));
  let last = null;
  for (const item of items) {
    const k = key(item);
    let node = /** @type {any} */ (before.get(k));
    if (!node) {
      node = make(item);
      node.key = k;
    }
    before.delete(k);
    show(node, item);
    const place = last ? last.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    last = node;
  }
  for (const node of before.values()) node.remove();
}

let spoken;
/** Says something to who hears the page rather than sees it. @param {string} text */
export function announce(text) {
  clearTimeout(spoken);
  spoken = setTimeout(() => say($("announce"), text), 50);
}
