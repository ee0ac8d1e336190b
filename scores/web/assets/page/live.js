// What the whole page knows of the stream: its state, its rate, the latest events.
// The rule: views are told once a frame, and whatever they cannot be told in time they ask for anew.

import { Rate } from "./rate.js";
import { Stream } from "./stream.js";

/** Events that wait for a frame; a page that is not looked at has none. */
const MOST = 2000;
const LATEST = 14;
const SEEN = 60;
/** How often a page asks that is told nothing. */
const POLL = 4000;

class Live {
  state = "connecting";
  until = 0;
  why = "";
  /** When it was live last. */
  heard = null;
  scores = new Rate();
  /** Newest first. */
  latest = [];
  /** The students that came last. */
  seen = new Map();
  /** When the reader had it stand still; null while it does not. */
  paused = null;
  #views = new Set();
  #watchers = new Set();
  #waiting = [];
  #missed = false;
  #frame = 0;
  #stream = new Stream((events) => this.#told(events), (name, more) => this.#changed(name, more));

  start() {
    document.addEventListener("visibilitychange", () => this.#resume());
    setInterval(() => {
      if (this.state === "off") this.resync();
    }, POLL);
    this.#stream.run();
  }

  /** Tells a view from now on: `batch(events)` of what comes, `resync()` when it has to ask anew. */
  tell(view) {
    this.#views.add(view);
    return () => this.#views.delete(view);
  }

  /** Has a function called, now and with every change of state; what comes back ends it. */
  watch(callback) {
    this.#watchers.add(callback);
    callback();
    return () => this.#watchers.delete(callback);
  }

  retry() {
    this.#stream.retry();
  }

  pause(paused) {
    this.paused = paused ? new Date() : null;
    this.#watchers.forEach((callback) => callback());
    this.#resume();
  }

  /** Has every view ask anew. */
  resync() {
    if (document.hidden || this.paused) this.#missed = true;
    else this.#views.forEach((view) => view.resync());
  }

  #told(events) {
    let scores = 0;
    for (const event of events) {
      if (event.uuid === undefined) scores += 1;
    }
    this.scores.add(scores);
    this.#waiting.push(...events.slice(-MOST));
    if (events.length > MOST || this.#waiting.length > MOST || document.hidden || this.paused) {
      this.#missed = true;
      this.#waiting.length = 0;
    }
    if (this.#waiting.length && !this.#frame) this.#frame = requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    this.#frame = 0;
    const events = this.#waiting;
    this.#waiting = [];
    if (!events.length) return;
    for (const { student } of events) {
      if (student === undefined) continue;
      this.seen.delete(student);
      this.seen.set(student, true);
    }
    while (this.seen.size > SEEN) this.seen.delete(this.seen.keys().next().value);
    this.latest = [...events.slice(-LATEST).reverse(), ...this.latest].slice(0, LATEST);
    this.#views.forEach((view) => view.batch(events));
  }

  #resume() {
    if (document.hidden || this.paused || !this.#missed) return;
    this.#missed = false;
    this.resync();
  }

  #changed(name, { until = 0, why = "" } = {}) {
    if (this.state === "live") this.heard = new Date();
    Object.assign(this, { state: name, until, why });
    this.#watchers.forEach((callback) => callback());
    // What came before the stream was open, or while it was not, nobody has told.
    if (name === "live" || name === "off") this.resync();
  }
}

export const live = new Live();
