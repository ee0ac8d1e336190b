// Figures as text. The rule: an average is shown with every digit that the server gave.

import { h, say } from "./dom.js";

const GROUPED = new Intl.NumberFormat("en");
const SHORT = 6;

export function grouped(count) {
  return GROUPED.format(count);
}

/** An average: what is read at a glance, then the rest of its digits. */
export function average() {
  const [head, tail] = [h("span"), h("span", { class: "tail" })];
  const node = h("span", { class: "figure" }, head, tail);
  return {
    node,
    show(value) {
      const text = String(value);
      const cut = text.includes("e") ? text.length : SHORT;
      say(head, text.slice(0, cut));
      say(tail, text.slice(cut));
    },
  };
}

/** A score, short; all of it is where the pointer is. */
export function score(value) {
  const text = String(value);
  return text.includes("e") ? text : text.slice(0, SHORT);
}

export function rate(value) {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** The time of day. */
export function clock(date) {
  return date.toLocaleTimeString("en-GB");
}

/** How long ago, in words. */
export function ago(date, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - date.getTime()) / 1000));
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return date.toISOString().slice(0, 10);
}
