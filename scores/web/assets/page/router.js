// Addresses within the page: `#/students/foo`, `#/?after=MQ`. The rule: only `/` is ever asked of the server for them.

/** What the address says: its steps and its parameters; null for one that is none of ours. */
export function here() {
  const text = location.hash || "#/";
  if (!text.startsWith("#/")) return null;
  const [steps, said = ""] = split(text.slice(2));
  try {
    return { steps: steps.split("/").filter((step) => step !== "").map(decodeURIComponent), after: new URLSearchParams(said).get("after") };
  } catch {
    return { steps: ["?"], after: null };
  }
}

function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The address of the page for one of these. */
export const to = {
  overview: "#/",
  exam: (number) => `#/exams/${encodeURIComponent(number)}`,
  students: "#/students",
  student: (id) => `#/students/${encodeURIComponent(id)}`,
  inspectors: "#/inspectors",
  inspector: (id) => `#/inspectors/${encodeURIComponent(id)}`,
};
