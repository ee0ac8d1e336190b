// How many a second, for the last two minutes. The rule: it holds as many numbers as there are seconds.

export const SECONDS = 120;

export class Rate {
  /** Null where nobody listened yet. */
  #counts = [...new Array(SECONDS).fill(null), 0];
  #second = now();
  total = 0;

  add(count) {
    this.#advance();
    this.total += count;
    this.#counts[SECONDS] += count;
  }

  /** The counts of the last whole seconds, oldest first, null before the page was open. */
  get seconds() {
    this.#advance();
    return this.#counts.slice(0, SECONDS);
  }

  /** The mean of the last five whole seconds. */
  get current() {
    const last = this.seconds.slice(-5).filter((count) => count !== null);
    return last.length ? last.reduce((sum, count) => sum + count, 0) / last.length : 0;
  }

  #advance() {
    const passed = Math.min(now() - this.#second, SECONDS + 1);
    for (let each = 0; each < passed; each++) {
      this.#counts.shift();
      this.#counts.push(0);
    }
    this.#second += now() - this.#second;
  }
}

function now() {
  return Math.floor(performance.now() / 1000);
}
