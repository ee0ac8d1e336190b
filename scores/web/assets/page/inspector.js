// An inspector's mean, as it moves. The rule: its history is that of this view, and bounded.

import { movement } from "./chart.js";
import { h, say } from "./dom.js";
import { average, grouped } from "./figures.js";

const MOST = 300;

/** What follows one inspector; `follow(uuid, {mean, count})` begins anew with another. */
export function meanCard() {
  let points = [];
  const figure = average();
  const count = h("dd", { class: "big" }, "–");
  const title = h("bdi", { class: "id" });
  const plot = movement(() => [points[0].count, points.at(-1).count]);
  const card = h(
    "div",
    { class: "mean", hidden: true },
    h("h2", {}, "The mean of ", title),
    h("dl", { class: "totals" }, h("div", {}, h("dt", {}, "mean"), h("dd", { class: "big exact" }, figure.node)), h("div", {}, h("dt", {}, "scores"), count)),
    plot.node,
    h("p", { class: "quiet" }, "The mean after each score, since this view was opened."),
  );
  let followed = null;
  const show = ({ mean, count: scores }) => {
    figure.show(mean);
    say(count, grouped(scores));
    if (points.at(-1)?.count === scores) return;
    if (points.length && scores < points.at(-1).count) points = [];
    points = [...points, { mean, count: scores }].slice(-MOST);
    plot.show([points.map((one) => one.count), points.map((one) => one.mean)], `The mean of ${followed} is ${mean} after ${scores} scores`);
  };
  return {
    node: card,
    get uuid() {
      return followed;
    },
    follow(uuid, now) {
      if (uuid !== followed) points = [];
      followed = uuid;
      card.hidden = false;
      say(title, uuid);
      if (now) show(now);
    },
    batch(events) {
      for (const event of events) {
        if (event.uuid === followed && followed !== null) show(event);
      }
    },
    hide() {
      card.hidden = true;
    },
    stop: () => plot.stop(),
  };
}
