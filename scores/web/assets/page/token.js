// The access token: asked for once it is needed, kept for this tab and no longer.

const KEY = "scores-token";

// RFC 6750, section 2.1 (b64token): no header can carry much else, and no server has any other.
const SHAPE = /^[A-Za-z0-9._~+/-]+=*$/;
const NO_TOKEN = "A token has letters, digits and -._~+/ only, and perhaps = at its end: this is none.";

let dialog = null;
let asking = null;
let declined = false;
const waiting = new Set();

export function current() {
  try {
    const kept = sessionStorage.getItem(KEY) ?? "";
    return SHAPE.test(kept) ? kept : "";
  } catch {
    return "";
  }
}

function keep(token) {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing asks again.
  }
}

/** The fields of a request that carry it. */
export function fields() {
  return current() ? { Authorization: `Bearer ${current()}` } : {};
}

/** Asks for a token, once for all who want one; whether one was given. Who has declined is not asked again. */
export function ask(why, { again = false } = {}) {
  document.getElementById("token-button").hidden = false;
  if (declined && !again) return Promise.resolve(false);
  asking ??= asked(why).finally(() => { asking = null; });
  return asking;
}

/** Has a function called whenever there is another token. */
export function onChange(callback) {
  waiting.add(callback);
}

async function asked(why) {
  dialog ??= document.getElementById("token-dialog");
  const input = dialog.querySelector("input");
  dialog.querySelector("#token-why").textContent = why;
  input.value = "";
  refuse(input, "");
  dialog.showModal();
  const given = await new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      const token = input.value.trim();
      refuse(input, SHAPE.test(token) ? "" : NO_TOKEN);
      if (SHAPE.test(token)) dialog.close(token);
    };
    dialog.querySelector("form").addEventListener("submit", submit);
    dialog.addEventListener("close", () => {
      dialog.querySelector("form").removeEventListener("submit", submit);
      resolve(dialog.returnValue);
      dialog.returnValue = input.value = "";
    }, { once: true });
  });
  declined = given === "";
  if (declined) return false;
  keep(given);
  for (const callback of waiting) callback();
  return true;
}

/** Says what is wrong with what was entered; nothing, if that is empty. */
function refuse(input, why) {
  dialog.querySelector("#token-wrong").textContent = why;
  if (why) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/** Wires the buttons of the dialog, and the one that opens it. */
export function wire() {
  dialog = document.getElementById("token-dialog");
  dialog.querySelector("#token-cancel").addEventListener("click", () => dialog.close(""));
  document.getElementById("token-button").addEventListener("click", () =>
    ask("A token says who may read and write.", { again: true }));
  document.getElementById("token-button").hidden = current() === "";
}
