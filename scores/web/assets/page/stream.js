// The live stream: `GET /scores`, read by fetch, because an EventSource cannot send a token.
// The rule: it comes back by itself, after the last event that it had, and says how it stands.

import { described, Problem, sentence } from "./api.js";
import { Decoder } from "./decoder.js";
import { understand } from "./events.js";
import * as token from "./token.js";

const FIRST = 500;
const LONGEST = 10_000;
/** Milliseconds without even a comment after which nobody is there any more. */
const SILENCE = 45_000;
/** How long to wait where there is no stream. */
const NONE = 60_000;

export class Stream {
  #told;
  #states;
  #lastId = "";
  #nudge = () => {};
  #cut = null;
  #failures = 0;

  /** `told` takes lists of events, `states` each state: `connecting`, `live`, `waiting`, `off`, `denied`. */
  constructor(told, states) {
    this.#told = told;
    this.#states = states;
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.#cut?.abort());
    token.onChange(() => this.retry());
  }

  /** Tries at once, if it waits. */
  retry() {
    this.#nudge();
  }

  async run() {
    for (;;) {
      let wait;
      try {
        wait = await this.#listen();
      } catch (error) {
        wait = this.#failed(error);
      }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#nudge = () => { clearTimeout(timer); resolve(); };
      });
      this.#nudge = () => {};
    }
  }

  /** One connection, from its start to its end; milliseconds until the next. */
  async #listen() {
    this.#states("connecting");
    this.#cut = new AbortController();
    const response = await this.#ask();
    if (response.status === 405 || response.status === 404) {
      this.#states("off");
      return NONE;
    }
    if (response.status === 401 || response.status === 403) {
      const problem = await described(response);
      const given = await token.ask(sentence(problem.message));
      if (!given) this.#states("denied");
      return given ? 0 : NONE;
    }
    if (!response.ok) throw await described(response);
    this.#failures = 0;
    this.#states("live");
    await this.#read(response.body);
    return this.#failed(new Problem(0, "Ended", "the server ended the stream"));
  }

  #ask() {
    const headers = { Accept: "text/event-stream", ...token.fields() };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    return fetch("/scores?start=now", { headers, signal: this.#cut.signal, cache: "no-store" });
  }

  async #read(body) {
    const decoder = new Decoder();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let watch = 0;
    try {
      for (;;) {
        clearTimeout(watch);
        watch = setTimeout(() => this.#cut.abort(), SILENCE);
        const { done, value } = await reader.read();
        if (done) return;
        const events = decoder.feed(value).map(understand).filter((event) => event !== null);
        if (decoder.lastId) this.#lastId = decoder.lastId;
        if (events.length) this.#told(events);
      }
    } finally {
      clearTimeout(watch);
      this.#cut.abort();
    }
  }

  #failed(error) {
    const backoff = Math.min(LONGEST, FIRST * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    const wait = Math.max(backoff, (error.retryAfter ?? 0) * 1000);
    this.#failures += 1;
    this.#states("waiting", { until: Date.now() + wait, why: error instanceof Problem && error.status ? error.message : "" });
    return wait;
  }
}
