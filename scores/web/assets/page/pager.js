// From page to page. The rule: a page has an address, so that Back, a reload and a link lead to it.

import { query } from "./api.js";
import { h, say } from "./dom.js";
import { grouped } from "./figures.js";

const MOST = 500;

/** For each page that a link led to: the one before it, and how many come before it. */
const trail = new Map();

function remember(place, from) {
  trail.set(place, from);
  if (trail.size > MOST) trail.delete(trail.keys().next().value);
}

/** `show({after, next, shown, total})` says where this page of the listing at `route` is. */
export function pager(route, label) {
  const [first, previous, next] = ["First", "Previous", "Next"].map((text) => h("a", { class: "button" }, text));
  const where = h("span", { class: "where" });
  return {
    node: h("nav", { class: "pager", "aria-label": label }, first, previous, next, where),
    show({ after, next: following, shown, total }) {
      const token = following && new URL(following, location.href).searchParams.get("after");
      const place = (one) => `${route} ${one ?? ""}`;
      const here = after ? trail.get(place(after)) : { before: 0 };
      if (token && here) remember(place(token), { previous: after, before: here.before + shown });
      lead(first, after ? route : null);
      lead(previous, after && here ? query(route, { after: here.previous ?? null }) : null);
      lead(next, token ? query(route, { after: token }) : null);
      const span = here && shown ? `${grouped(here.before + 1)}–${grouped(here.before + shown)}` : grouped(shown);
      say(where, `${span} of ${grouped(Math.max(total, shown))}`);
      // With one page there is nowhere to go.
      [first, previous, next].forEach((link) => { link.hidden = !after && !token; });
      first.parentElement.hidden = false;
    },
  };
}

function lead(link, target) {
  if (target) link.setAttribute("href", target);
  else link.removeAttribute("href");
  if (target) link.removeAttribute("aria-disabled");
  else link.setAttribute("aria-disabled", "true");
  if (target) link.removeAttribute("role");
  else link.setAttribute("role", "link");
  // Who has come to the end by it is still at it.
  if (target) link.removeAttribute("tabindex");
  else link.setAttribute("tabindex", "-1");
}
