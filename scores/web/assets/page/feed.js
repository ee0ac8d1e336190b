// How the feed is doing: asked every other second while somebody looks.

import { get } from "./api.js";
import { ago, clock } from "./figures.js";
import { Refresh } from "./refresh.js";
import { live } from "./live.js";

const EVERY = 2000;

const WORDS = {
  open: ["open", "good"],
  connecting: ["connecting", "warm"],
  waiting: ["waiting", "warm"],
  stopped: ["stopped", "bad"],
  off: ["off", "plain"],
};

class Feed {
  /** What `/feed` says; null while nobody knows. */
  status = null;
  #watchers = new Set();
  #refresh = new Refresh((signal) => this.#load(signal), { every: 400, failed: () => this.#tell(null) });

  start() {
    setInterval(() => {
      if (!document.hidden && !live.paused && (live.state === "live" || live.state === "off")) this.#refresh.touch();
    }, EVERY);
    live.tell({ batch: () => {}, resync: () => this.#refresh.touch() });
    live.watch(() => this.#tell(live.state === "waiting" ? null : this.status));
    this.#refresh.touch();
  }

  /** Its state as a word, and the kind of word it is. */
  get words() {
    if (this.status && live.paused) return [`was ${this.status.state}`, "plain"];
    return this.status ? (WORDS[this.status.state] ?? [this.status.state, "plain"]) : ["unknown", "plain"];
  }

  /** When its last event came, in words; empty without any. */
  get last() {
    if (!this.status?.lastEventAt) return "";
    const date = new Date(this.status.lastEventAt);
    return `Last event ${live.paused ? `at ${clock(date)}` : ago(date)}`;
  }

  watch(callback) {
    this.#watchers.add(callback);
    callback();
    return () => this.#watchers.delete(callback);
  }

  async #load(signal) {
    this.#tell(await get("/feed", { signal }));
  }

  #tell(status) {
    this.status = status;
    this.#watchers.forEach((callback) => callback());
  }
}

export const feed = new Feed();
