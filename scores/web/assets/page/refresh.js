// Something that is asked for again and again: soon after it was touched, never twice at a time, not too often.

export class Refresh {
  #task;
  #every;
  #failed;
  #timer = 0;
  #running = false;
  #wanted = false;
  #last = -Infinity;
  #abort = new AbortController();

  /** `task(signal)` is asynchronous; `failed(problem)` says what went wrong, and it is tried again later. */
  constructor(task, { every = 500, failed = () => {} } = {}) {
    this.#task = task;
    this.#every = every;
    this.#failed = failed;
  }

  /** Has it run, as soon as it may. */
  touch() {
    this.#wanted = true;
    if (this.#running || this.#timer || this.#abort.signal.aborted) return;
    this.#later(this.#last + this.#every - performance.now());
  }

  /** Has it run at once: somebody waits. */
  hurry() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#last = -Infinity;
    this.touch();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #later(milliseconds) {
    this.#timer = setTimeout(() => this.#run(), Math.max(0, milliseconds));
  }

  async #run() {
    this.#timer = 0;
    this.#wanted = false;
    this.#running = true;
    this.#last = performance.now();
    let pause = 0;
    try {
      await this.#task(this.#abort.signal);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (error.status === undefined) throw error;
      this.#failed(error);
      // When the server is back, everybody is told; what it has refused, it may yet give.
      if (error.status >= 500) pause = Math.max(2000, error.retryAfter * 1000);
    } finally {
      this.#running = false;
    }
    if (this.#abort.signal.aborted) return;
    if (pause || this.#wanted) this.#later(pause || this.#last + this.#every - performance.now());
  }
}
