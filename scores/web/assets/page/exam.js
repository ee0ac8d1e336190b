// One exam: how its scores are spread, whether its average is right, its results.

import { get, path, query } from "./api.js";
import { bars } from "./chart.js";
import { Distribution, inWords } from "./distribution.js";
import { h, id, say, svg } from "./dom.js";
import { exactMean } from "./exact.js";
import { average, grouped, score as short } from "./figures.js";
import { flash, Listing } from "./listing.js";
import { Refresh } from "./refresh.js";
import { to } from "./router.js";

/** Results that the distribution is of, at most, and that one question asks for. */
const SAMPLE = 5000;
const PAGE = 1000;
const DRAW = 120;
const GREATEST = 2n ** 63n - 1n;

/** Whether this is the number of an exam, as the API takes it. */
export function isExam(text) {
  return /^(0|[1-9]\d{0,18})$/.test(text) && BigInt(text) <= GREATEST;
}

export function exam(number) {
  const mean = average();
  const count = h("dd", {}, "–");
  const picture = spread(number);
  const check = h("p", { class: "check quiet", role: "note", hidden: true });
  const checking = new Refresh((signal) => verify(number, check, signal), { every: 2000 });
  const results = new Listing({
    what: "results",
    caption: `Results of exam ${number}`,
    route: to.exam(number),
    target: path.exam(number),
    member: "results",
    columns: [["Student", "name"], ["Score", "value"], ["From 0 to 1", "wide"]],
    key: ({ studentId }) => studentId,
    concerns: (event) => (event.exam === number ? event.student : null),
    row: ({ studentId }) => resultRow(h("a", { href: to.student(studentId) }, id(studentId)), studentId),
    empty: () => ["This page of results is empty."],
    answered: (answer) => {
      figures.hidden = false;
      mean.show(answer.average);
      say(count, grouped(answer.count));
      picture.of(answer.count);
      checking.touch();
    },
    failed: (problem) => {
      if (problem.status === 404) figures.hidden = true;
    },
  });
  const figures = h(
    "div",
    { class: "columns even", hidden: true },
    h(
      "section",
      { class: "card", "aria-label": "Figures" },
      h("dl", { class: "totals" }, h("div", {}, h("dt", {}, "average"), h("dd", { class: "big exact" }, mean.node)), h("div", {}, h("dt", {}, "results"), count)),
      picture.marks,
      check,
    ),
    h("section", { class: "card", "aria-label": "Distribution" }, h("h2", {}, "Distribution"), picture.node),
  );
  count.className = "big";
  return {
    title: `Exam ${number}`,
    node: h(
      "div",
      { class: "view" },
      h("p", { class: "trail" }, h("a", { href: to.overview }, "Exams")),
      h("h1", { tabindex: "-1" }, `Exam ${number}`),
      figures,
      h("section", { class: "card", "aria-label": "Results" }, h("h2", {}, "Results"), results.node),
    ),
    turn: (after) => results.turn(after),
    batch(events) {
      const ours = events.filter((event) => event.exam === number);
      if (!ours.length) return;
      picture.batch(ours);
      results.batch(ours);
      // One that is on another page changes the figures too.
      results.resync();
    },
    resync() {
      picture.resync();
      results.resync();
    },
    stop() {
      [picture, results, checking].forEach((part) => part.stop());
    },
  };
}

/** A row with a name, a score, and a bar as long. */
export function resultRow(name) {
  const figure = average();
  const length = svg("rect", { height: "1", width: "0" });
  const bar = svg("svg", { class: "length", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, length);
  let shown = null;
  const node = h("tr", {}, h("th", { scope: "row", class: "name" }, name), h("td", { class: "value" }, figure.node), h("td", { class: "wide" }, bar));
  return {
    node,
    update({ score }) {
      if (shown !== null && shown !== score) flash(node);
      if (shown === score) return;
      shown = score;
      figure.show(score);
      length.setAttribute("width", String(score));
    },
  };
}

/** The distribution, of as many results as are loaded, and what comes. */
function spread(number) {
  const distribution = new Distribution(SAMPLE);
  const plot = bars();
  const note = h("p", { class: "quiet" });
  const marks = [h("dd", {}, "–"), h("dd", {}, "–"), h("dd", {}, "–")];
  const edges = distribution.bins.map((_, index) => index / distribution.bins.length);
  let total = 0;
  let loaded = false;
  let timer = 0;
  const draw = () => {
    timer = 0;
    const part = distribution.size < total ? `${grouped(distribution.size)} of ${grouped(total)} results` : `all ${grouped(distribution.size)} results`;
    const more = distribution.size < total ? ": the first ones, and in their place what has come since" : "";
    say(note, `Of ${part}${more}.`);
    distribution.marks?.forEach((mark, index) => say(marks[index], short(mark)));
    plot.show([edges, [...distribution.bins]], `Distribution of ${part} from 0 to 1: ${inWords(distribution)}`);
  };
  const load = async (signal) => {
    let target = query(path.exam(number), { limit: PAGE });
    const all = [];
    while (target && all.length < SAMPLE) {
      const report = await get(target, { signal });
      all.push(...report.results);
      total = report.count;
      target = report.next;
    }
    distribution.clear();
    all.slice(0, SAMPLE).forEach(({ studentId, score }) => distribution.put(studentId, score));
    loaded = true;
    draw();
  };
  const refresh = new Refresh(load, { every: 2500 });
  refresh.touch();
  return {
    node: h("div", {}, plot.node, note),
    marks: h("dl", { class: "totals" }, ...["lowest", "median", "highest"].map((name, index) => h("div", {}, h("dt", {}, name), marks[index]))),
    of(count) {
      total = count;
      if (loaded && distribution.size !== Math.min(count, SAMPLE)) refresh.touch();
    },
    batch(events) {
      if (!loaded) return;
      events.forEach(({ student, score }) => distribution.put(student, score));
      timer ||= setTimeout(draw, DRAW);
    },
    resync() {
      refresh.touch();
    },
    stop() {
      clearTimeout(timer);
      refresh.stop();
      plot.stop();
    },
  };
}

/** Says whether the average is the double nearest to the true mean, as far as one answer has all results. */
async function verify(number, node, signal) {
  const report = await get(query(path.exam(number), { limit: PAGE }), { signal });
  node.hidden = report.next !== null;
  if (node.hidden) return;
  const scores = report.results.map(({ score }) => score);
  const [exact, plain] = [exactMean(scores), scores.reduce((sum, score) => sum + score, 0) / scores.length];
  const right = exact === report.average;
  const verdict = right ? `the very double that the server gave` : `the server gave ${report.average}`;
  const doubles = plain === exact ? "Adding doubles happens to give the same here." : `Adding doubles gives ${plain}, which is not it.`;
  node.className = right ? "check good" : "check bad";
  say(node, `Checked in this browser: the exact sum of these ${grouped(scores.length)} scores, divided and rounded once, is ${exact}, ${verdict}. ${doubles}`);
}
