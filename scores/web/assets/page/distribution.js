// How scores are spread, and the picture of it.
// The rule: it holds so many results at most; when it is full, what came longest ago makes room.

import { svg } from "./dom.js";

export class Distribution {
  #scores = new Map();
  #limit;
  bins;

  constructor(limit, bins = 20) {
    this.#limit = limit;
    this.bins = new Array(bins).fill(0);
  }

  get size() {
    return this.#scores.size;
  }

  clear() {
    this.#scores.clear();
    this.bins.fill(0);
  }

  /** Takes a result, in the place of an earlier one of the same student. */
  put(student, score) {
    const before = this.#scores.get(student);
    if (before !== undefined) this.bins[this.#bin(before)] -= 1;
    else if (this.#scores.size >= this.#limit) this.#drop();
    this.#scores.set(student, score);
    this.bins[this.#bin(score)] += 1;
  }

  /** The least, the median and the greatest of the scores; null without any. */
  get marks() {
    const sorted = Float64Array.from(this.#scores.values()).sort();
    if (!sorted.length) return null;
    const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
    return [sorted[0], (low + high) / 2, sorted.at(-1)];
  }

  #drop() {
    const [student, score] = this.#scores.entries().next().value;
    this.#scores.delete(student);
    this.bins[this.#bin(score)] -= 1;
  }

  #bin(score) {
    return Math.min(this.bins.length - 1, Math.floor(score * this.bins.length));
  }
}

const [WIDTH, HEIGHT] = [120, 26];

/** A small histogram; `show(distribution, count)` of a part of so many. */
export function histogram() {
  const bars = svg("path");
  const node = svg("svg", { class: "histogram", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none", "aria-label": "not loaded" }, bars);
  return {
    node,
    show(distribution, count) {
      bars.setAttribute("d", outline(distribution.bins));
      const part = distribution.size < count ? `${distribution.size} of ${count}` : `all ${count}`;
      node.setAttribute("aria-label", `Scores from 0 to 1 (${part}): ${inWords(distribution)}`);
    },
  };
}

/** Which tenths of the range hold the most. */
export function inWords({ bins, size }) {
  if (!size) return "none";
  const half = bins.length / 2;
  const low = bins.slice(0, half).reduce((sum, one) => sum + one, 0);
  const peak = bins.indexOf(Math.max(...bins));
  const [from, to] = [peak / bins.length, (peak + 1) / bins.length];
  return `${low} below 0.5, ${size - low} from there; most from ${from.toFixed(2)} to ${to.toFixed(2)}`;
}

function outline(bins) {
  const tallest = Math.max(1, ...bins);
  const step = WIDTH / bins.length;
  return bins
    .map((count, index) => {
      // A single one can still be seen; none is a line.
      const height = count ? Math.max(3, (count / tallest) * HEIGHT) : 1;
      return `M${(index * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${(step - 1.4).toFixed(1)}v${height.toFixed(1)}z`;
    })
    .join("");
}
