// Inspectors: a form to post a score, the mean that it moves, and all of them; or one of them alone.

import { get, path } from "./api.js";
import { h, id, say } from "./dom.js";
import { grouped } from "./figures.js";
import { scoreForm } from "./form.js";
import { meanCard } from "./inspector.js";
import { Listing } from "./listing.js";
import { notice } from "./notice.js";
import { Refresh } from "./refresh.js";
import { to } from "./router.js";
import { spelled } from "./signs.js";
import { countedRow } from "./students.js";

export function inspectors() {
  const total = h("span", { class: "quiet" });
  const mean = meanCard();
  const listing = new Listing({
    what: "inspectors",
    caption: "Inspectors, with the mean of all of their scores",
    route: to.inspectors,
    target: "/inspectors",
    member: "inspectors",
    limit: 25,
    columns: [["Inspector", "name"], ["Mean", "value"], ["Scores", "number count"]],
    key: ({ UUID }) => UUID,
    concerns: ({ uuid }) => uuid ?? null,
    row: ({ UUID }) => countedRow(h("a", { href: to.inspector(UUID) }, id(UUID)), "mean"),
    empty: () => [h("p", {}, "No score has been posted yet: the form posts the first.")],
    answered: (answer) => say(total, grouped(answer.total)),
  });
  const following = follower(mean, { failed: () => {} });
  const heading = h("h1", { tabindex: "-1" }, "Inspectors ", total);
  const form = scoreForm({
    posted: (uuid) => {
      mean.follow(uuid);
      following.touch();
      listing.resync();
    },
  });
  return {
    title: "Inspectors",
    node: h(
      "div",
      { class: "view" },
      heading,
      h(
        "div",
        { class: "columns form" },
        h("section", { class: "card", "aria-label": "Post a score" }, h("h2", {}, "Post a score"), form, mean.node),
        h("section", { class: "card", "aria-label": "Inspectors" }, listing.node),
      ),
    ),
    turn: (after) => listing.turn(after),
    batch(events) {
      mean.batch(events);
      listing.batch(events);
    },
    resync() {
      listing.resync();
      if (mean.uuid !== null) following.touch();
    },
    stop() {
      [listing, mean, following].forEach((part) => part.stop());
    },
  };
}

export function inspector(uuid) {
  const mean = meanCard();
  const word = notice();
  const following = follower(mean, {
    failed: (problem) => {
      if (problem.status === 404) mean.hide();
      word.fail(problem);
    },
    answered: () => word.clear(),
    uuid,
  });
  following.touch();
  const form = scoreForm({ uuid, posted: () => following.touch() });
  return {
    title: spelled(uuid),
    node: h(
      "div",
      { class: "view" },
      h("p", { class: "trail" }, h("a", { href: to.inspectors }, "Inspectors")),
      h("h1", { tabindex: "-1" }, id(uuid)),
      h(
        "div",
        { class: "columns form" },
        h("section", { class: "card", "aria-label": "Post a score" }, h("h2", {}, "Post a score"), form),
        h("section", { class: "card", "aria-label": "Mean" }, word.node, mean.node),
      ),
    ),
    turn() {},
    batch(events) {
      if (events.some((event) => event.uuid === uuid)) {
        if (mean.uuid === null) following.touch();
        word.clear();
      }
      mean.batch(events);
    },
    resync: () => following.touch(),
    stop() {
      [mean, following].forEach((part) => part.stop());
    },
  };
}

/** What asks for the inspector that the card follows. */
function follower(mean, { uuid = null, answered = () => {}, failed }) {
  return new Refresh(async (signal) => {
    const one = uuid ?? mean.uuid;
    const now = await get(path.inspector(one), { signal });
    if (uuid === null && mean.uuid !== one) return;
    answered();
    mean.follow(one, now);
  }, { every: 400, failed });
}
