// The field that opens a student.
// The rule: an id is taken exactly; what stands around it is left off only if nobody is called the whole.

import { get, path, query } from "./api.js";
import { h } from "./dom.js";
import { live } from "./live.js";
import { to } from "./router.js";
import { bare } from "./signs.js";

/** Wires the form. */
export function wire() {
  const [form, field, seen] = ["search", "student", "seen"].map((one) => document.getElementById(one));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (field.value === "") return field.focus();
    const from = location.href;
    const one = await meant(field.value);
    // Who has gone elsewhere meanwhile stays there.
    if (location.href === from) location.hash = address(one);
  });
  field.addEventListener("focus", () => {
    seen.replaceChildren(...[...live.seen.keys()].reverse().map((one) => h("option", { value: one })));
  });
}

/** The id that is known: that one, or else what is left without the spaces around it. */
async function meant(text) {
  const rest = bare(text);
  if (rest === text || rest === "" || (await known(text)) !== false) return text;
  return (await known(rest)) ? rest : text;
}

/** Whether there is such a student; null if nobody says. */
async function known(one) {
  try {
    await get(query(path.student(one), { limit: 1 }));
    return true;
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    return problem.status === 404 ? false : null;
  }
}

function address(one) {
  try {
    return to.student(one);
  } catch {
    // Text that is no Unicode names nobody.
    return to.students;
  }
}
