// A table of one page of something, kept up to date in place.
// The rule: what it shows is the server's answer; events only say when to ask again.

import { get, query } from "./api.js";
import { arrange, h } from "./dom.js";
import { notice } from "./notice.js";
import { pager } from "./pager.js";
import { Refresh } from "./refresh.js";

/** How often the rows that one sees are asked for, and whether there are others. */
const SHOWN = 500;
const OTHERS = 2500;

export class Listing {
  #of;
  #after = null;
  #rows = new Map();
  #body = h("tbody");
  #soon = new Refresh((signal) => this.#load(signal), { every: SHOWN, failed: (problem) => this.#fail(problem) });
  #later = new Refresh(async () => this.#soon.touch(), { every: OTHERS });
  #notice = notice();
  #turned = [];
  #pager;
  #wrap;

  /**
   * `target` and `member` say where the items are, `key(item)` names one, `row(item)` makes what shows it:
   * `{node, update(item)}`, and if it wants `take(event)`, `draw()`, `stop()`. `concerns(event)` is the key of what
   * an event is about, null for nothing. `answered(answer)` is told of every answer; `missing()` gives more words
   * for a thing that is not there.
   */
  constructor(of) {
    this.#of = { limit: 50, answered: () => {}, missing: () => [], empty: () => ["Nothing yet."], ...of };
    this.#pager = pager(of.route, `Pages of ${of.what}`);
    const heads = of.columns.map(([text, kind]) => h("th", { scope: "col", class: kind }, text));
    const table = h("table", {}, h("caption", { class: "hidden" }, of.caption), h("thead", {}, h("tr", {}, ...heads)), this.#body);
    this.#wrap = h("div", { class: "scroll" }, table);
    this.node = h("div", { class: "listing" }, this.#notice.node, this.#wrap, this.#pager.node);
    this.#wrap.hidden = true;
    this.#pager.node.hidden = true;
  }

  /** Goes to the page after this position, null is the first; settled once it is shown, or cannot be. */
  turn(after) {
    this.#after = after || null;
    this.#soon.hurry();
    return new Promise((resolve) => { this.#turned.push(resolve); });
  }

  resync() {
    this.#soon.touch();
  }

  batch(events) {
    let shown = false;
    let others = false;
    for (const event of events) {
      const key = this.#of.concerns(event);
      if (key === null) continue;
      const row = this.#rows.get(key);
      row?.take?.(event);
      shown ||= row !== undefined;
      others ||= row === undefined;
    }
    if (shown) {
      this.#soon.touch();
      this.#rows.forEach((row) => row.draw?.());
    } else if (others) this.#later.touch();
  }

  stop() {
    this.#soon.stop();
    this.#later.stop();
    this.#rows.forEach((row) => row.stop?.());
  }

  async #load(signal) {
    const after = this.#after;
    const answer = await get(query(this.#of.target, { limit: this.#of.limit, after }), { signal });
    // The reader has gone on meanwhile.
    if (after !== this.#after) return this.#soon.hurry();
    const items = answer[this.#of.member];
    this.#notice.clear();
    this.#fill(items);
    this.#pager.show({ after, next: answer.next, shown: items.length, total: answer.total ?? answer.count });
    this.#wrap.hidden = items.length === 0;
    if (!items.length) this.#notice.hint(...this.#of.empty());
    this.#of.answered(answer);
    this.#arrived();
  }

  #arrived() {
    this.#turned.splice(0).forEach((resolve) => resolve());
  }

  #fill(items) {
    const rows = new Map();
    for (const item of items) {
      const key = this.#of.key(item);
      const row = this.#rows.get(key) ?? this.#of.row(item);
      row.update(item);
      rows.set(key, row);
    }
    for (const [key, row] of this.#rows) {
      if (!rows.has(key)) row.stop?.();
    }
    this.#rows = rows;
    arrange(this.#body, [...rows.values()].map((row) => row.node));
  }

  #fail(problem) {
    this.#notice.fail(problem, ...this.#of.missing());
    if (problem.status === 404) {
      this.#wrap.hidden = this.#pager.node.hidden = true;
      this.#fill([]);
    }
    this.#of.failed?.(problem);
    this.#arrived();
  }
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
const flashed = new WeakMap();

/** Draws the eye to what has just changed. */
export function flash(node) {
  const now = performance.now();
  if (still.matches || now - (flashed.get(node) ?? -Infinity) < 700) return;
  flashed.set(node, now);
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--flash").trim();
  node.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], { duration: 650, easing: "ease-out" });
}
