// Questions to the server. The rule: what comes is the answer's JSON or a `Problem` in words.

import { parse } from "./events.js";
import * as token from "./token.js";

/** What went wrong: an answer that is an error, or none at all (status 0). */
export class Problem extends Error {
  constructor(status, title, detail, faults = [], retryAfter = 0) {
    super(detail || title);
    Object.assign(this, { status, title, faults, retryAfter });
  }
}

/** The paths of what has an id; `null` for an id that no path can say. */
export const path = {
  exam: (number) => `/exams/${encodeURIComponent(number)}`,
  student: (one) => addressed("/students/", one),
  inspector: (one) => addressed("/inspectors/", one),
};

function addressed(folder, one) {
  // A path's own steps (RFC 3986, section 5.2.4), and text that is no Unicode, are no ids.
  if (one === "." || one === ".." || one === "" || one.isWellFormed?.() === false) return null;
  try {
    return folder + encodeURIComponent(one);
  } catch {
    return null;
  }
}

/** The path with a query; members that are null are left out. What has no path has none with a query either. */
export function query(base, members) {
  if (base === null) return null;
  const said = new URLSearchParams(Object.entries(members).filter(([, value]) => value !== null && value !== ""));
  return said.size ? `${base}?${said}` : base;
}

export function get(target, { signal } = {}) {
  return send(target, { signal });
}

/** Adds a score; with the same key it counts once, however often it is sent. */
export function post(score, key) {
  return send("/scores", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(score),
  });
}

async function send(target, options) {
  if (target === null) throw new Problem(404, "Not found", "no id is like that");
  for (;;) {
    const used = token.current();
    const response = await reach(target, { ...options, headers: { ...options.headers, ...token.fields() } });
    if (response.ok) return parse(await body(response, options.signal));
    const problem = await described(response);
    if (problem.status !== 401 && problem.status !== 403) throw problem;
    // Another question may have had it answered meanwhile.
    if (token.current() === used && !(await token.ask(sentence(problem.message))))
      throw problem;
  }
}

async function reach(target, options) {
  try {
    return await fetch(target, { ...options, redirect: "error", credentials: "same-origin" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "No answer", "the server does not answer");
  }
}

async function body(response, signal) {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "No answer", "the answer broke off");
  }
}

/** The error that an answer is (RFC 9457). */
export async function described(response) {
  const retry = Number(response.headers.get("Retry-After")) || 0;
  try {
    const { title, detail, errors } = await response.json();
    if (response.status !== 401) return new Problem(response.status, title, detail, errors, retry);
    // How a program sends one is nothing that a visitor types.
    return new Problem(401, "No access", detail.replace(/: send .*$/, "; whoever runs this server can give you one"), errors, retry);
  } catch {
    return new Problem(response.status, `HTTP ${response.status}`, response.statusText, [], retry);
  }
}

/** Begins with a capital letter and ends with a full stop. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
