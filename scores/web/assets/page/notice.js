// A word to the reader where something would be: what is wrong, what to do, that there is nothing yet.

import { sentence } from "./api.js";
import { h } from "./dom.js";
import * as token from "./token.js";

export function notice() {
  const node = h("div", { class: "notice", hidden: true });
  const show = (kind, ...children) => {
    node.className = `notice ${kind}`;
    node.replaceChildren(...children);
    node.hidden = false;
  };
  return {
    node,
    clear() {
      if (!node.hidden) node.replaceChildren();
      node.hidden = true;
    },
    hint(...children) {
      show("hint", ...children);
    },
    /** What went wrong; with `more` if it is that something is not there. */
    fail(problem, ...more) {
      const words = [h("strong", {}, sentence(problem.title)), " ", sentence(problem.message)];
      if (problem.status === 401 || problem.status === 403) {
        const again = () => token.ask(sentence(problem.message), { again: true });
        words.push(" ", h("button", { type: "button", click: again }, "Enter a token"));
      }
      if (problem.status === 404) show("hint", h("p", {}, ...words), ...more, h("p", { class: "quiet" }, "Ids are taken exactly, upper and lower case too. What is not there yet appears here when it comes."));
      else show("bad", h("p", {}, ...words));
    },
  };
}

/** A command to copy, as it would be typed. */
export function command(text) {
  return h("pre", { tabindex: "0" }, h("code", {}, text));
}
