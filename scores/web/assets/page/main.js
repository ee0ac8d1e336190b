// The page: its header, and the view that the address names.

import { get } from "./api.js";
import { h, say } from "./dom.js";
import { exam } from "./exam.js";
import { feed } from "./feed.js";
import { ago, rate } from "./figures.js";
import { inspector, inspectors } from "./inspectors.js";
import { live } from "./live.js";
import { overview } from "./overview.js";
import { Refresh } from "./refresh.js";
import { here, to } from "./router.js";
import { student } from "./student.js";
import { students } from "./students.js";
import * as token from "./token.js";

const part = (id) => document.getElementById(id);
const FOLDERS = ["exams", "students", "inspectors"];

// Views.

let view = null;
let untell = () => {};
let shown = null;

function choose({ steps: [folder, one, ...more] }) {
  if (more.length || (folder && !FOLDERS.includes(folder))) return nowhere();
  if (folder === "students") return one === undefined ? students() : student(one);
  if (folder === "inspectors") return one === undefined ? inspectors() : inspector(one);
  return one === undefined ? overview() : exam(one);
}

function nowhere() {
  const node = h("div", { class: "view" }, h("h1", { tabindex: "-1" }, "There is nothing here"), h("p", {}, h("a", { href: to.overview }, "All exams")));
  return { title: "Nothing", node, turn() {}, batch() {}, resync() {}, stop() {} };
}

function follow() {
  const address = here();
  if (address === null) return;
  const name = JSON.stringify(address.steps);
  if (name === shown) return view.turn(address.after, false);
  const first = shown === null;
  shown = name;
  view?.stop();
  untell();
  view = choose(address);
  untell = live.tell(view);
  document.title = `${view.title} · scores`;
  part("main").replaceChildren(view.node);
  view.turn(address.after, true);
  for (const link of document.querySelectorAll("#places a")) {
    const current = link.dataset.folder === (address.steps[0] ?? "exams");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (first) return;
  scrollTo(0, 0);
  view.node.querySelector("h1").focus({ preventScroll: true });
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
    const old = live.heard ? ` What you see is from ${live.heard.toLocaleTimeString("en-GB")}.` : "";
    say(part("lost"), `The connection to the server is lost${why}.${old}`);
    say(part("again"), left ? `Trying again in ${left} s` : "Trying again");
  } else say(part("again"), "Trying again");
  document.body.classList.toggle("stale", !part("banner").hidden);
  // Once for each change that lasts, for who hears the page.
  const words = live.state === "waiting" || live.state === "connecting" ? (lost ? "The connection is lost." : "") : word;
  if (words && words !== announced && (announced || live.state !== "live")) say(part("said"), words);
  announced = words || announced;
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
  const at = feed.status?.lastEventAt;
  part("feed").title = at ? `Last event ${ago(new Date(at))}` : "";
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
  token.wire();
  token.onChange(() => live.resync());
  addEventListener("hashchange", follow);
  live.watch(showState);
  feed.watch(showFeed);
  setInterval(showRate, 1000);
  setInterval(() => document.hidden || live.state === "waiting" || about.touch(), 15_000);
  live.tell({ batch() {}, resync: () => about.touch() });
  part("retry").addEventListener("click", () => live.retry());
  part("pause").addEventListener("click", () => {
    live.pause(!live.paused);
    part("pause").setAttribute("aria-pressed", String(live.paused));
  });
  part("skip").addEventListener("click", (event) => {
    event.preventDefault();
    part("main").focus();
  });
  part("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const { value } = part("student");
    if (value === "") return part("student").focus();
    try {
      location.hash = to.student(value);
    } catch {
      // Text that is no Unicode names nobody.
      location.hash = to.students;
    }
  });
  part("student").addEventListener("focus", () => {
    part("seen").replaceChildren(...[...live.seen.keys()].reverse().map((one) => h("option", { value: one })));
  });
}

wire();
about.touch();
follow();
feed.start();
live.start();
