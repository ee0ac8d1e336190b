// Charts, drawn by uPlot in the colours of the page.
// The rule: a chart has words for who does not see it, and belongs to a view that ends it.

import { h } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const FONT = "11px system-ui, sans-serif";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(more = {}) {
  return {
    stroke: () => colour("--muted"),
    font: FONT,
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    ...more,
  };
}

/** A chart with `show(data, words)` and `stop()`; `height` in pixels. */
function chart(height, options) {
  const node = h("div", { class: "chart", role: "img", "aria-label": "nothing yet" });
  let plot = null;
  let last = null;
  const size = new ResizeObserver(() => {
    if (!node.clientWidth || last === null) return;
    if (plot) plot.setSize({ width: node.clientWidth, height });
    else draw();
  });
  const redraw = () => plot?.redraw();
  const draw = () => {
    plot = new uPlot(
      { width: node.clientWidth, height, cursor: { show: false }, legend: { show: false }, pxAlign: 1, ...options },
      last,
      node,
    );
  };
  size.observe(node);
  dark.addEventListener("change", redraw);
  return {
    node,
    show(data, words) {
      last = data;
      if (plot) plot.setData(data);
      else if (node.clientWidth) draw();
      node.setAttribute("aria-label", words);
    },
    stop() {
      size.disconnect();
      dark.removeEventListener("change", redraw);
      plot?.destroy();
    },
  };
}

/** Numbers over the last seconds; data: seconds before now, and how many. */
export function timeline() {
  return chart(96, {
    padding: [6, 16, 0, 0],
    scales: { x: { time: false, range: () => [-120, 0] }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.15)] } },
    axes: [
      axis({ size: 20, splits: () => [-120, -90, -60, -30, 0], grid: { show: false }, values: (_, all) => all.map((one) => (one === 0 ? "now" : `${one} s`)) }),
      axis({ size: 30, space: 30 }),
    ],
    series: [{}, { stroke: () => colour("--accent"), fill: () => colour("--tint"), width: 1.5, points: { show: false } }],
  });
}

/** Scores by how many there are; data: where each bin begins, and its count. */
export function bars() {
  return chart(220, {
    padding: [10, 8, 0, 0],
    scales: { x: { time: false, range: () => [0, 1] }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] } },
    axes: [axis({ size: 26, incrs: [0.1, 0.2, 0.5], space: 34, grid: { show: false } }), axis({ size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] })],
    series: [{}, {
      stroke: () => colour("--accent"), fill: () => colour("--bar"), width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [0.88, 100], align: 1, radius: 0.12 }),
    }],
  });
}

/** A student's scores and their average; data: places, scores, averages; `names()` says what is in a place. */
export function results(names) {
  return chart(220, {
    padding: [10, 14, 0, 0],
    scales: {
      x: { time: false, range: (_, least, most) => [least - 0.6, most + 0.6] },
      y: { range: () => [0, 1.02] },
    },
    axes: [
      axis({ size: 26, incrs: [1, 2, 5, 10, 20, 50, 100], space: 64, grid: { show: false }, values: (_, all) => all.map((one) => names()[one] ?? "") }),
      axis({ size: 44, splits: () => [0, 0.25, 0.5, 0.75, 1] }),
    ],
    series: [
      {},
      {
        stroke: () => colour("--accent"), fill: () => colour("--bar"), width: 0,
        paths: uPlot.paths.bars({ size: [0.62, 44], radius: 0.1 }), points: { show: false },
      },
      { stroke: () => colour("--warm"), width: 1.5, dash: [5, 4], points: { show: false } },
    ],
  });
}

/** A mean as it moves; data: how many scores, and their mean; `ends()` are the first and the last of the former. */
export function movement(ends) {
  return chart(170, {
    padding: [10, 14, 0, 0],
    scales: { x: { time: false, range: () => [ends()[0], Math.max(ends()[1], ends()[0] + 4)] }, y: { range: () => [-0.1, 5.1] } },
    axes: [
      axis({ size: 26, incrs: [1, 2, 5, 10, 20, 50, 100, 1000, 10_000], grid: { show: false } }),
      axis({ size: 34, splits: () => [0, 1, 2, 3, 4, 5] }),
    ],
    series: [{}, {
      stroke: () => colour("--accent"), width: 2, paths: uPlot.paths.stepped({ align: 1 }),
      points: { show: true, size: 6, width: 0, fill: () => colour("--accent") },
    }],
  });
}
