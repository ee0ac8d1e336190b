// The page: its header, and the view that the address names.

import { get } from "./api.js";
import { h, say } from "./dom.js";
import { exam, isExam } from "./exam.js";
import { feed } from "./feed.js";
import { clock, rate } from "./figures.js";
import { inspector, inspectors } from "./inspectors.js";
import { live } from "./live.js";
import { overview } from "./overview.js";
import * as place from "./place.js";
import { Refresh } from "./refresh.js";
import { here, to } from "./router.js";
import * as search from "./search.js";
import { spelled } from "./signs.js";
import { student } from "./student.js";
import { students } from "./students.js";
import * as token from "./token.js";

const part = (id) => document.getElementById(id);
const FOLDERS = ["exams", "students", "inspectors"];

// Views.

let view = null;
let untell = () => {};
let shown = null;
/** When what the view shows was asked for first. */
let since = null;

function choose({ steps: [folder, one, ...more] }) {
  if (more.length || (folder && !FOLDERS.includes(folder))) return nowhere();
  if (folder === "students") return one === undefined ? students() : student(one);
  if (folder === "inspectors") return one === undefined ? inspectors() : inspector(one);
  if (one === undefined) return overview();
  return isExam(one) ? exam(one) : nowhere(`“${spelled(one)}” is no exam number`, "An exam number is a whole number from 0 to 9223372036854775807, in digits alone and without zeros before it.");
}

function nowhere(what = "There is nothing here", why = "") {
  const node = h("div", { class: "view" }, h("h1", { tabindex: "-1" }, what), h("p", {}, why), h("p", {}, h("a", { href: to.overview }, "All exams")));
  return { title: "Nothing", node, turn() {}, batch() {}, resync() {}, stop() {} };
}

function follow() {
  const address = here();
  if (address === null) return;
  place.leave();
  const before = place.arrive();
  const name = JSON.stringify(address.steps);
  const [first, same] = [shown === null, name === shown];
  if (!same) change(address, name);
  since = new Date();
  showState();
  const drawn = view.turn(address.after);
  if (before) place.restore(before, drawn);
  else if (!first && !same) scrollTo(0, 0);
  if (same) tellPage(drawn);
  else if (!first) view.node.querySelector("h1").focus({ preventScroll: true });
}

/** Says which page of a table it is, for who hears it: nothing else moves. */
async function tellPage(drawn) {
  await drawn;
  say(part("said"), view.node.querySelector(".where")?.textContent ?? "");
}

function change(address, name) {
  shown = name;
  view?.stop();
  untell();
  view = choose(address);
  untell = live.tell(view);
  document.title = `${view.title} · scores`;
  part("main").replaceChildren(view.node);
  for (const link of document.querySelectorAll("#places a")) {
    const current = link.dataset.folder === (address.steps[0] ?? "exams");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The header.

const LIVE = {
  live: ["Live", "good"],
  connecting: ["Connecting", "warm"],
  waiting: ["Connection lost", "bad"],
  denied: ["No access", "bad"],
  off: ["Asks every 4 s", "warm"],
};
let announced = "";

function showState() {
  const [word, kind] = live.paused ? ["Paused", "warm"] : LIVE[live.state];
  say(part("live"), word);
  part("live").className = `pill ${kind}`;
  const lost = live.heard !== null || live.state === "waiting";
  part("banner").hidden = live.state === "live" || live.state === "off" || !lost;
  if (live.state === "waiting") {
    const left = Math.max(0, Math.ceil((live.until - Date.now()) / 1000));
    const why = live.why ? ` (${live.why})` : "";
    const old = live.heard ? ` What you see is from ${clock(live.heard)}.` : "";
    say(part("lost"), `The connection to the server is lost${why}.${old}`);
    say(part("again"), left ? `Trying again in ${left} s` : "Trying again");
  } else say(part("again"), "Trying again");
  document.body.classList.toggle("stale", !part("banner").hidden);
  showPause();
  // Once for each change that lasts, for who hears the page.
  const words = live.state === "waiting" || live.state === "connecting" ? (lost ? "The connection is lost." : "") : word;
  if (words && words !== announced && (announced || live.state !== "live")) say(part("said"), words);
  announced = words || announced;
}

function showPause() {
  const { paused } = live;
  document.body.classList.toggle("still", paused !== null);
  say(part("pause"), paused ? "Resume" : "Pause");
  part("still").hidden = !paused;
  if (!paused) return;
  const from = since > paused ? `. This view is from ${clock(since)}, when you opened it` : ": what you see is from then";
  say(part("since"), `Paused at ${clock(paused)}${from}.`);
}

function showRate() {
  if (document.hidden || live.paused) return;
  say(part("rate"), `${rate(live.scores.current)}/s`);
  const counts = live.scores.seconds.slice(-40);
  const most = Math.max(4, ...counts);
  const points = counts.map((count, index) => `${index * 2} ${(19 - ((count ?? 0) / most) * 17).toFixed(1)}`);
  part("spark").setAttribute("d", `M${points.join("L")}`);
  if (live.state === "waiting") showState();
}

function showFeed() {
  const [word, kind] = feed.words;
  say(part("feed"), `Feed ${word}`);
  part("feed").className = `pill ${kind}`;
  part("feed").title = feed.last;
}

const about = new Refresh(async (signal) => {
  const { version, store } = await get("/readyz?verbose", { signal });
  say(part("version"), version);
  say(part("store"), `store ${store}`);
  part("store").className = "pill plain";
}, {
  every: 3000,
  failed: (problem) => {
    if (problem.status < 500) return;
    say(part("store"), "store away");
    part("store").className = "pill bad";
  },
});

// What the visitor does.

function wire() {
  place.wire();
  search.wire();
  token.wire();
  token.onChange(() => live.resync());
  addEventListener("hashchange", follow);
  live.watch(showState);
  feed.watch(showFeed);
  setInterval(showRate, 1000);
  setInterval(() => document.hidden || live.state === "waiting" || about.touch(), 15_000);
  live.tell({ batch() {}, resync: () => about.touch() });
  part("retry").addEventListener("click", () => live.retry());
  part("pause").addEventListener("click", () => live.pause(!live.paused));
  part("skip").addEventListener("click", (event) => {
    event.preventDefault();
    part("main").focus();
  });
}

wire();
about.touch();
follow();
feed.start();
live.start();
