// All students, page by page, however many there are.

import { h, id, say } from "./dom.js";
import { average, grouped } from "./figures.js";
import { flash, Listing } from "./listing.js";
import { to } from "./router.js";

export function students() {
  const total = h("span", { class: "quiet" });
  const listing = new Listing({
    what: "students",
    caption: "Students, with the average of all of their results",
    route: to.students,
    target: "/students",
    member: "students",
    columns: [["Student", "name"], ["Average", "value"], ["Results", "number count"]],
    key: ({ studentId }) => studentId,
    concerns: ({ student }) => student ?? null,
    row: ({ studentId }) => countedRow(h("a", { href: to.student(studentId) }, id(studentId)), "average"),
    empty: () => [h("p", {}, "No student has a result yet. "), h("p", {}, h("a", { href: to.overview }, "How to record one"))],
    answered: (answer) => say(total, grouped(answer.total)),
  });
  const heading = h("h1", { tabindex: "-1" }, "Students ", total);
  return {
    title: "Students",
    node: h("div", { class: "view" }, heading, h("section", { class: "card", "aria-label": "Students" }, listing.node)),
    turn: (after) => listing.turn(after),
    batch: (events) => listing.batch(events),
    resync: () => listing.resync(),
    stop: () => listing.stop(),
  };
}

/** A row with a name, an average or mean, and how many it is of. */
export function countedRow(name, member) {
  const figure = average();
  const count = h("td", { class: "number count" });
  const node = h("tr", {}, h("th", { scope: "row", class: "name" }, name), h("td", { class: "value" }, figure.node), count);
  let shown = null;
  return {
    node,
    update(item) {
      if (shown && (shown.count !== item.count || shown[member] !== item[member])) flash(node);
      shown = item;
      figure.show(item[member]);
      say(count, grouped(item.count));
    },
  };
}
