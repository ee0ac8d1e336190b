// Exams as rows of a table, each with its own small histogram.
// The rule: a row asks for the results of its exam once somebody can see it, and not for all of them.

import { get, path, query } from "./api.js";
import { Distribution, histogram } from "./distribution.js";
import { h, say } from "./dom.js";
import { average, grouped } from "./figures.js";
import { flash, Listing } from "./listing.js";
import { live } from "./live.js";
import { notice } from "./notice.js";
import { Refresh } from "./refresh.js";
import { to } from "./router.js";

/** Results that a small histogram is of, at most. */
const SAMPLE = 200;
const TOGETHER = 3;
const RECENT = 10;
/** How often a row asks: for its own figures, or for what its picture is of. */
const [OWN, OTHERS] = [400, 1500];
const COLUMNS = [["Exam", "name short"], ["Average", "value"], ["Results", "number count"], ["Scores from 0 to 1", "wide"]];

let room = TOGETHER;
const queue = [];

/** Has a few rows ask at a time, so that others get through. */
async function inTurn(task) {
  if (room > 0) room -= 1;
  else await new Promise((resolve) => { queue.push(resolve); });
  try {
    return await task();
  } finally {
    const next = queue.shift();
    if (next) next();
    else room += 1;
  }
}

class ExamRow {
  #exam;
  #average = average();
  #count = h("td", { class: "number count" });
  #picture = histogram();
  #distribution = new Distribution(SAMPLE);
  #shown = { count: 0 };
  #loaded = false;
  #changed = false;
  #own;

  /** With `own`, the row asks for its figures too, and is not seen before it has some. */
  constructor(exam, { own }) {
    this.#exam = String(exam);
    this.#own = own;
    this.refresh = new Refresh((signal) => inTurn(() => this.#load(signal)), { every: own ? OWN : OTHERS });
    this.node = h(
      "tr",
      { hidden: own },
      h("th", { scope: "row", class: "name short" }, h("a", { href: to.exam(this.#exam) }, this.#exam)),
      h("td", { class: "value" }, this.#average.node),
      this.#count,
      h("td", { class: "wide" }, this.#picture.node),
    );
    this.node.addEventListener("seen", () => this.refresh.touch());
  }

  update({ average: value, count }) {
    if (this.#shown.count && (this.#shown.count !== count || this.#shown.average !== value)) flash(this.node);
    this.#shown = { average: value, count };
    this.node.hidden = false;
    this.#average.show(value);
    say(this.#count, grouped(count));
    if (this.#loaded && this.#differs()) this.refresh.touch();
  }

  take({ student, score }) {
    if (this.#own) this.refresh.touch();
    if (!this.#loaded) return;
    this.#distribution.put(student, score);
    this.#changed = true;
  }

  draw() {
    if (!this.#changed) return;
    this.#changed = false;
    this.#picture.show(this.#distribution, Math.max(this.#shown.count, this.#distribution.size));
  }

  stop() {
    this.refresh.stop();
  }

  /** Whether something happened that no event told of, as a deletion. */
  #differs() {
    return this.#distribution.size !== Math.min(this.#shown.count, SAMPLE);
  }

  async #load(signal) {
    const whole = !this.#own || !this.#loaded || this.#differs();
    const report = await get(query(path.exam(this.#exam), { limit: whole ? SAMPLE : 1 }), { signal });
    if (whole) {
      this.#distribution.clear();
      report.results.forEach(({ studentId, score }) => this.#distribution.put(studentId, score));
      this.#loaded = this.#changed = true;
    }
    if (this.#own) this.update(report);
    else this.#shown.count = Math.max(this.#shown.count, report.count);
    this.draw();
  }
}

/** All exams, page by page; `answered(answer)` is told of every answer. */
export function allExams(answered) {
  const eye = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      eye.unobserve(target);
      target.dispatchEvent(new Event("seen"));
    }
  }, { rootMargin: "120px" });
  return new Listing({
    what: "exams",
    caption: "All exams, in ascending order",
    route: to.overview,
    target: "/exams",
    member: "exams",
    limit: 20,
    columns: COLUMNS,
    key: ({ exam }) => String(exam),
    concerns: ({ exam }) => exam ?? null,
    row: ({ exam }) => {
      const row = new ExamRow(exam, { own: false });
      eye.observe(row.node);
      return row;
    },
    empty: () => [h("p", {}, "No exam has a result yet.")],
    answered,
  });
}

/** The exams that results come for now; each keeps its place until it has been silent longest. */
export function recentExams() {
  const rows = new Map();
  const word = notice();
  const body = h("tbody");
  const heads = COLUMNS.map(([text, kind]) => h("th", { scope: "col", class: kind }, text));
  const table = h("table", { hidden: true }, h("caption", { class: "hidden" }, "Exams that results come for now"), h("thead", {}, h("tr", {}, ...heads)), body);
  const begin = (exam) => {
    if (rows.size >= RECENT) {
      const [oldest, row] = [...rows].sort(([, a], [, b]) => a.at - b.at)[0];
      row.stop();
      row.node.remove();
      rows.delete(oldest);
    }
    const row = new ExamRow(exam, { own: true });
    rows.set(exam, row);
    body.prepend(row.node);
    table.hidden = false;
    word.clear();
    return row;
  };
  const batch = (events) => {
    for (const event of events) {
      if (event.exam === undefined) continue;
      const row = rows.get(event.exam) ?? begin(event.exam);
      row.at = performance.now();
      row.take(event);
    }
    rows.forEach((row) => row.draw());
  };
  word.hint(h("p", {}, "Waiting for the next result."));
  // What this page has heard already; of what was before it was opened, the stream tells nothing.
  batch([...live.latest].reverse());
  return {
    node: h("div", { class: "listing" }, word.node, h("div", { class: "scroll" }, table)),
    word,
    batch,
    resync() {
      rows.forEach((row) => row.refresh.touch());
    },
    stop() {
      rows.forEach((row) => row.stop());
    },
  };
}
