// One student: their results over all exams.

import { path } from "./api.js";
import { results as plotted } from "./chart.js";
import { h, id, say } from "./dom.js";
import { resultRow } from "./exam.js";
import { average, grouped, score as short } from "./figures.js";
import { Listing } from "./listing.js";
import { to } from "./router.js";
import { bare, spelled } from "./signs.js";

export function student(one) {
  const mean = average();
  const count = h("dd", { class: "big" }, "–");
  const [lowest, highest] = [h("dd", {}, "–"), h("dd", {}, "–")];
  let names = [];
  const plot = plotted(() => names);
  const note = h("p", { class: "quiet" });
  const listing = new Listing({
    what: "results",
    caption: `Results of ${one}`,
    route: to.student(one),
    target: path.student(one),
    member: "results",
    limit: 100,
    columns: [["Exam", "name short"], ["Score", "value"], ["From 0 to 1", "wide"]],
    key: ({ exam }) => String(exam),
    concerns: (event) => (event.student === one ? event.exam : null),
    row: ({ exam }) => resultRow(h("a", { href: to.exam(exam) }, String(exam))),
    empty: () => ["This page of results is empty."],
    answered: (answer) => {
      figures.hidden = false;
      mean.show(answer.average);
      say(count, grouped(answer.count));
      const sorted = [...answer.results].sort((a, b) => a.exam - b.exam);
      names = sorted.map(({ exam }) => String(exam));
      const places = sorted.map((_, index) => index);
      const scores = sorted.map(({ score }) => score);
      if (scores.length) {
        say(lowest, short(Math.min(...scores)));
        say(highest, short(Math.max(...scores)));
      }
      plot.show([places, scores, places.map(() => answer.average)], `${scores.length} scores by exam; the average of all is ${answer.average}`);
      say(note, scores.length < answer.count ? `${grouped(scores.length)} of ${grouped(answer.count)} results, and the average of all.` : "Each exam's score, and the average.");
    },
    missing: () => otherwise(one),
    failed: (problem) => {
      if (problem.status === 404) figures.hidden = true;
    },
  });
  const figures = h(
    "div",
    { class: "columns narrow", hidden: true },
    h(
      "section",
      { class: "card", "aria-label": "Figures" },
      h("dl", { class: "totals" }, h("div", {}, h("dt", {}, "average"), h("dd", { class: "big exact" }, mean.node)), h("div", {}, h("dt", {}, "exams"), count)),
      h("dl", { class: "totals" }, h("div", {}, h("dt", {}, "lowest"), lowest), h("div", {}, h("dt", {}, "highest"), highest)),
    ),
    h("section", { class: "card", "aria-label": "Scores by exam" }, h("h2", {}, "Scores by exam"), plot.node, note),
  );
  return {
    title: spelled(one),
    node: h(
      "div",
      { class: "view" },
      h("p", { class: "trail" }, h("a", { href: to.students }, "Students")),
      h("h1", { tabindex: "-1" }, id(one)),
      figures,
      h("section", { class: "card", "aria-label": "Results" }, h("h2", {}, "Results"), listing.node),
    ),
    turn: (after) => listing.turn(after),
    batch(events) {
      const ours = events.filter((event) => event.student === one);
      if (!ours.length) return;
      listing.batch(ours);
      listing.resync();
    },
    resync: () => listing.resync(),
    stop() {
      listing.stop();
      plot.stop();
    },
  };
}

/** For an id that nobody has: what in it one does not see, and what it may have been meant to be. */
function otherwise(one) {
  const rest = bare(one);
  return [
    spelled(one) === one ? null : h("p", {}, "This id has signs that one does not see; here they are marked: ", id(one)),
    rest === one || rest === "" ? null : h("p", {}, "Without what stands around it: ", h("a", { href: to.student(rest) }, id(rest))),
  ].filter((line) => line !== null);
}
