// Where the reader was, for each entry of the browser's history.
// The rule: Back and a reload lead to the same lines; a new page of a table moves nothing, and a new view begins at its top.

const KEY = "scores-places";
const MOST = 100;
/** Milliseconds in which what is above may still grow. */
const PATIENCE = 3000;
const SOONER = ["wheel", "touchmove", "pointerdown", "keydown"];

const places = load();
let entry = null;
let returning = null;

function load() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Map();
  }
}

/** Has the browser leave this to the page, which alone knows when a table is there. */
export function wire() {
  history.scrollRestoration = "manual";
  addEventListener("pagehide", () => {
    leave();
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...places]));
    } catch {
      // A browser that keeps nothing begins at the top.
    }
  });
}

/** Remembers where the reader is, while the entry's view is still there. */
export function leave() {
  // Who has not come back yet is not where the page is.
  if (entry === null || returning) return;
  places.delete(entry);
  places.set(entry, now());
  if (places.size > MOST) places.delete(places.keys().next().value);
}

/** Comes to the entry that the browser is at; where the reader was in it, null for a new one. */
export function arrive() {
  returning?.abort();
  returning = null;
  entry = history.state?.place ?? null;
  if (entry !== null) return places.get(entry) ?? null;
  entry = crypto.getRandomValues(new Uint32Array(2)).join("-");
  history.replaceState({ place: entry }, "");
  return null;
}

/** Goes back to where the reader was, once `shown` is settled, unless the reader goes elsewhere meanwhile. */
export async function restore(place, shown) {
  const ours = new AbortController();
  const { signal } = ours;
  const end = () => {
    ours.abort();
    if (returning === ours) returning = null;
  };
  returning = ours;
  SOONER.forEach((kind) => addEventListener(kind, end, { signal, passive: true }));
  await shown;
  if (signal.aborted) return;
  const size = new ResizeObserver(() => {
    const top = wanted(place);
    scrollTo(0, top);
    // The page may not be as long yet.
    if (Math.abs(scrollY - top) < 2) end();
  });
  const timer = setTimeout(end, PATIENCE);
  signal.addEventListener("abort", () => {
    size.disconnect();
    clearTimeout(timer);
  });
  size.observe(document.getElementById("main"));
}

/** How far down, and where the part is that one looks at: what is above it may have another height next time. */
function now() {
  const part = parts().find((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top <= innerHeight / 2 && bottom >= innerHeight / 2;
  });
  return { y: scrollY, name: part?.getAttribute("aria-label"), top: part?.getBoundingClientRect().top };
}

function wanted({ y, name, top }) {
  const part = y && parts().find((one) => one.getAttribute("aria-label") === name);
  return part ? Math.max(0, scrollY + part.getBoundingClientRect().top - top) : y;
}

function parts() {
  return [...document.querySelectorAll("main section[aria-label]")];
}
