// A form that posts a score. The rule: nothing is sent that nobody entered, and a score that may have arrived
// is sent again with its key, so it counts once.

import { post, sentence } from "./api.js";
import { h, say } from "./dom.js";

const BEST = 5;

/** The form; `posted(uuid, mean)` is told of each score that was taken. `uuid` is whose form it is, if anybody's. */
export function scoreForm({ uuid = "", posted }) {
  const name = h("input", { id: "uuid", name: "UUID", type: "text", value: uuid, autocomplete: "off", spellcheck: "false", placeholder: "a1-b1", "aria-describedby": "uuid-missing outcome" });
  const marks = Array.from({ length: BEST + 1 }, (_, mark) =>
    h("label", { class: "mark" }, h("input", { type: "radio", name: "score", value: String(mark), "aria-describedby": "score-missing" }), h("span", {}, String(mark))),
  );
  const radios = marks.map((mark) => mark.firstChild);
  const [noName, noScore] = ["uuid-missing", "score-missing"].map((one) => h("p", { id: one, class: "missing", hidden: true }));
  const button = h("button", { type: "submit", class: "main" }, "Post the score");
  const outcome = h("p", { id: "outcome", class: "outcome", role: "status" });
  const node = h(
    "form",
    { class: "score-form", novalidate: true },
    h("div", { class: "field" }, h("label", { for: "uuid" }, "Inspector"), name, noName),
    h("fieldset", { class: "field" }, h("legend", {}, "Score"), h("div", { class: "marks" }, ...marks), noScore),
    button,
    outcome,
  );
  // What may have arrived: the score and its key.
  let open = null;
  const done = (kind, text) => {
    outcome.className = `outcome ${kind}`;
    say(outcome, text);
  };
  const named = (lacks) => {
    noName.hidden = !lacks;
    say(noName, lacks ? "Enter an inspector." : "");
    if (lacks) name.setAttribute("aria-invalid", "true");
    else name.removeAttribute("aria-invalid");
  };
  const chosen = (lacks) => {
    noScore.hidden = !lacks;
    say(noScore, lacks ? "Choose a score." : "");
  };
  name.addEventListener("input", () => named(false));
  radios.forEach((one) => one.addEventListener("change", () => chosen(false)));
  /** What is to be filled in first, once it is said; nothing if all is there. */
  const lacking = () => {
    const [lacksName, lacksScore] = [name.value === "", !radios.some((one) => one.checked)];
    named(lacksName);
    chosen(lacksScore);
    return lacksName ? name : lacksScore && radios[0];
  };
  let busy = false;
  // It keeps the focus, which a button that is disabled would lose.
  const work = (now) => {
    busy = now;
    if (now) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  };
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    const first = lacking();
    if (first) {
      done("", "");
      return first.focus();
    }
    const score = { UUID: name.value, score: Number(new FormData(node).get("score")) };
    if (open?.score.UUID !== score.UUID || open.score.score !== score.score) open = { score, key: random() };
    work(true);
    try {
      const { UUID, mean } = await post(score, open.key);
      open = null;
      done("good", `Recorded. The mean of ${UUID} is ${mean}.`);
      posted(UUID, mean);
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      const unsure = problem.status === 0 || problem.status >= 500 || problem.status === 409;
      if (!unsure) open = null;
      if (problem.status === 422) name.setAttribute("aria-invalid", "true");
      done("bad", unsure ? `${sentence(problem.message)} Post it again: it will count once.` : sentence(problem.message));
    } finally {
      work(false);
    }
  });
  return node;
}

/** A key; `crypto.randomUUID` is only there where the page came by TLS. */
function random() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
