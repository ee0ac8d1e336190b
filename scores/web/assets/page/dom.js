// Elements. The rule: text becomes text nodes and nothing else, whoever sent it.

import { pieces } from "./signs.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element with these attributes and children; a function is a listener, null and false leave out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets the text of an element that holds nothing but text, if it is another. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Gives the node these children, in this order, and moves none that is in its place. */
export function arrange(node, children) {
  children.forEach((child, index) => {
    if (node.children[index] !== child) node.insertBefore(child, node.children[index] ?? null);
  });
  while (node.children.length > children.length) node.lastElementChild.remove();
}

/** Somebody's id, which may run in either direction and be of any length; signs that one does not see have a mark. */
export function id(text) {
  const parts = pieces(text).map((piece) => (piece.name ? h("span", { class: "odd", "data-name": piece.name }, piece.text) : piece.text));
  return h("bdi", { class: "id", title: text.length > 24 ? text : null }, ...parts);
}
