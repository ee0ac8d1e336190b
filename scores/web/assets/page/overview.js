// The first view: how the feed is doing, what arrives, all exams.

import { get } from "./api.js";
import { timeline } from "./chart.js";
import { h, say } from "./dom.js";
import { allExams, recentExams } from "./exams.js";
import { feed } from "./feed.js";
import { ago, grouped, rate } from "./figures.js";
import { latest } from "./latest.js";
import { live } from "./live.js";
import { command } from "./notice.js";
import { SECONDS } from "./rate.js";
import { Refresh } from "./refresh.js";
import { to } from "./router.js";

export function overview() {
  const parts = [feedCard(), rateCard(), totalsCard()];
  const [recent, log, all] = [recentExams(), latest(), allExams()];
  const said = setTimeout(() => {
    if (!live.latest.length) recent.word.hint(...nothing());
  }, 1200);
  const allHeading = h("h2", { tabindex: "-1" }, "All exams");
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
      h("section", { class: "card", "aria-label": "All exams" }, allHeading, all.node),
    ),
    turn(after, first) {
      all.turn(after);
      if (!first) {
        allHeading.focus({ preventScroll: true });
        allHeading.scrollIntoView({ block: "start" });
      }
    },
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
    h("p", {}, "No result has come since this page was opened. Record one, and watch it arrive:"),
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
    say(last, status.lastEventAt ? `Last event ${ago(new Date(status.lastEventAt))}` : "No event yet");
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
  const plot = timeline();
  const seconds = Array.from({ length: SECONDS }, (_, index) => index - SECONDS + 1);
  const draw = () => {
    if (document.hidden || live.paused) return;
    const counts = live.scores.seconds;
    say(figure, rate(live.scores.current));
    plot.show([seconds, counts], `Results a second over the last two minutes: now ${rate(live.scores.current)}, at most ${Math.max(...counts)}`);
  };
  const timer = setInterval(draw, 1000);
  queueMicrotask(draw);
  return {
    node: h("article", { class: "card rate" }, h("h2", {}, "Results a second"), h("p", {}, figure, h("span", { class: "quiet" }, " recorded, mean of 5 s")), plot.node),
    stop() {
      clearInterval(timer);
      plot.stop();
    },
  };
}

function totalsCard() {
  const totals = [
    ["exams", to.overview, "exam"],
    ["students", to.students, "student"],
    ["inspectors", to.inspectors, "uuid"],
  ].map(([name, route, member]) => {
    const figure = h("dd", {}, h("span", { class: "big" }, "–"));
    const refresh = new Refresh(async (signal) => {
      const { total } = await get(`/${name}?limit=1`, { signal });
      say(figure.firstChild, grouped(total));
    }, { every: 1000 });
    refresh.touch();
    return { member, refresh, node: h("div", {}, h("dt", {}, h("a", { href: route }, name)), figure) };
  });
  return {
    node: h("article", { class: "card" }, h("h2", {}, "In the store"), h("dl", { class: "totals" }, ...totals.map(({ node }) => node)), h("p", { class: "quiet" }, "Averages are exact: every digit is right, and an exam's view checks it.")),
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
