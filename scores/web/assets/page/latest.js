// The latest events, newest first. The rule: as many lines as there are, written anew in place.

import { h, say } from "./dom.js";
import { score } from "./figures.js";
import { live } from "./live.js";
import { to } from "./router.js";

const EVERY = 200;

export function latest() {
  const list = h("ol", { class: "latest", "aria-label": "Latest events, newest first" });
  const empty = h("p", { class: "quiet" }, "Waiting for the next one: what is recorded appears here.");
  const lines = [];
  let timer = 0;
  const draw = () => {
    timer = 0;
    empty.hidden = live.latest.length > 0;
    live.latest.forEach((event, index) => {
      lines[index] ??= line(list);
      lines[index].show(event);
    });
  };
  draw();
  return {
    node: h("div", {}, empty, list),
    batch() {
      timer ||= setTimeout(draw, EVERY);
    },
    resync() {},
    stop() {
      clearTimeout(timer);
    },
  };
}

function line(list) {
  const who = h("a", { class: "id" });
  const what = h("a", { class: "what" });
  const figure = h("span", { class: "score" });
  list.append(h("li", {}, h("bdi", {}, who), what, figure));
  return {
    show(event) {
      const mean = event.uuid !== undefined;
      say(who, mean ? event.uuid : event.student);
      who.setAttribute("href", mean ? to.inspector(event.uuid) : to.student(event.student));
      say(what, mean ? "inspector" : `exam ${event.exam}`);
      what.setAttribute("href", mean ? to.inspectors : to.exam(event.exam));
      say(figure, mean ? `mean ${score(event.mean)}` : score(event.score));
      figure.setAttribute("title", String(mean ? event.mean : event.score));
    },
  };
}
