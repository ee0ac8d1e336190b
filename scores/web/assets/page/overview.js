// The first view: how the feed is doing, what arrives, all exams.

import { get } from "./api.js";
import { timeline } from "./chart.js";
import { h, say } from "./dom.js";
import { allExams, recentExams } from "./exams.js";
import { feed } from "./feed.js";
import { grouped, rate } from "./figures.js";
import { latest } from "./latest.js";
import { live } from "./live.js";
import { command } from "./notice.js";
import { SECONDS } from "./rate.js";
import { Refresh } from "./refresh.js";
import { to } from "./router.js";

/** Characters of all totals together that are written large. */
const ROOM = 12;

export function overview() {
  const totals = totalsCard();
  const parts = [feedCard(), rateCard(), totals];
  const [recent, log, all] = [recentExams(), latest(), allExams(totals.exams)];
  const said = setTimeout(() => {
    if (!live.latest.length) recent.word.hint(...nothing());
  }, 1200);
  return {
    title: "Exams",
    node: h(
      "div",
      { class: "view" },
      h("h1", { class: "hidden", tabindex: "-1" }, "Exams"),
      h("section", { class: "cards", "aria-label": "State" }, ...parts.map((part) => part.node)),
      h(
        "div",
        { class: "columns" },
        h("section", { class: "card", "aria-label": "Arriving now" }, h("h2", {}, "Arriving now"), recent.node),
        h("section", { class: "card", "aria-label": "Latest events" }, h("h2", {}, "Latest events"), log.node),
      ),
      h("section", { class: "card", "aria-label": "All exams" }, h("h2", {}, "All exams"), all.node),
    ),
    turn: (after) => all.turn(after),
    batch(events) {
      [recent, log, all, ...parts].forEach((part) => part.batch?.(events));
    },
    resync() {
      [recent, log, all, ...parts].forEach((part) => part.resync?.());
    },
    stop() {
      clearTimeout(said);
      [recent, log, all, ...parts].forEach((part) => part.stop());
    },
  };
}

function nothing() {
  const one = `curl -X PUT ${location.origin}/exams/1/results/foo \\\n  -H 'Content-Type: application/json' -d '{"score":0.75}'`;
  return [
    h("p", {}, "Waiting for the next result: none has come since this page was opened. Record one, and watch it arrive:"),
    command(one),
    h("p", {}, "Or start a server with a simulated feed: ", h("code", {}, "scores demo"), "."),
  ];
}

function feedCard() {
  const state = h("span", { class: "pill" });
  const url = h("p", { class: "url quiet" });
  const names = { received: "received", recorded: "recorded", rejected: "rejected", reconnects: "reconnects" };
  const figures = Object.fromEntries(Object.keys(names).map((name) => [name, h("dd", {}, "–")]));
  const last = h("p", { class: "quiet" });
  const show = () => {
    const [word, kind] = feed.words;
    say(state, word);
    state.className = `pill ${kind}`;
    const { status } = feed;
    if (!status) return;
    say(url, status.url ?? "No feed: results come by PUT.");
    url.title = status.url ?? "";
    for (const name of Object.keys(names)) say(figures[name], grouped(status[name]));
    say(last, feed.last || "No event yet");
  };
  const stop = feed.watch(show);
  return {
    node: h(
      "article",
      { class: "card" },
      h("h2", {}, "Feed ", state),
      h("dl", { class: "counts" }, ...Object.entries(names).map(([name, text]) => h("div", {}, h("dt", {}, text), figures[name]))),
      last,
      url,
    ),
    stop,
  };
}

function rateCard() {
  const figure = h("span", { class: "big" }, "–");
  const word = h("span", { class: "quiet" });
  const plot = timeline();
  const seconds = Array.from({ length: SECONDS }, (_, index) => index - SECONDS + 1);
  const draw = () => {
    if (document.hidden || live.paused) return;
    const counts = live.scores.seconds;
    say(figure, rate(live.scores.current));
    plot.show([seconds, counts], `Results a second over the last two minutes: now ${rate(live.scores.current)}, at most ${Math.max(...counts)}`);
  };
  const unwatch = live.watch(() => say(word, live.paused ? " recorded, mean of the 5 s before the pause" : " recorded, mean of 5 s"));
  const timer = setInterval(draw, 1000);
  queueMicrotask(draw);
  return {
    node: h("article", { class: "card rate" }, h("h2", {}, "Results a second"), h("p", {}, figure, word), plot.node),
    stop() {
      unwatch();
      clearInterval(timer);
      plot.stop();
    },
  };
}

/** How much is stored; `exams(answer)` takes how many exams there are from the table of them, so that both say the same. */
function totalsCard() {
  const list = h("dl", { class: "totals stored" });
  const figures = [["exams", to.overview], ["students", to.students], ["inspectors", to.inspectors]].map(([name, route]) => {
    const figure = h("dd", { class: "big" }, "–");
    list.append(h("div", {}, h("dt", {}, h("a", { href: route }, name)), figure));
    return figure;
  });
  const show = (figure, total) => {
    say(figure, grouped(total));
    list.classList.toggle("long", figures.map(({ textContent }) => textContent).join("").length > ROOM);
  };
  const totals = [["students", "student"], ["inspectors", "uuid"]].map(([name, member], index) => {
    const refresh = new Refresh(async (signal) => {
      const { total } = await get(`/${name}?limit=1`, { signal });
      show(figures[index + 1], total);
    }, { every: 1000 });
    refresh.touch();
    return { member, refresh };
  });
  return {
    exams: ({ total }) => show(figures[0], total),
    node: h("article", { class: "card" }, h("h2", {}, "In the store"), list, h("p", { class: "quiet" }, "Averages are exact: every digit is right, and an exam's view checks it.")),
    batch(events) {
      for (const { member, refresh } of totals) {
        if (events.some((event) => event[member] !== undefined)) refresh.touch();
      }
    },
    resync() {
      totals.forEach(({ refresh }) => refresh.touch());
    },
    stop() {
      totals.forEach(({ refresh }) => refresh.stop());
    },
  };
}
