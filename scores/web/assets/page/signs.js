// Spaces and signs in an id that one does not see, or takes for others.
// The rule: an id is what it is; these only say how it is written.

/** Spaces at an end or several together, spaces that are not U+0020, signs without a width (not those that join emoji). */
const ODD = /^\s+|\s+$|\s{2,}|[^\S ]|[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069]/g;
const AROUND = /^[\s\u200B\u200E\u200F\u2060]+|[\s\u200B\u200E\u200F\u2060]+$/g;

/** What is left of what was pasted. */
export function bare(text) {
  return text.replace(AROUND, "");
}

function name(sign) {
  return sign === " " ? "␣" : `U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text in pieces, `{text, name}`; the name says what an odd one is, and is null for the others. */
export function pieces(text) {
  const all = [];
  let from = 0;
  for (const { 0: odd, index } of text.matchAll(ODD)) {
    if (index > from) all.push({ text: text.slice(from, index), name: null });
    all.push(...Array.from(odd, (sign) => ({ text: sign, name: name(sign) })));
    from = index + odd.length;
  }
  if (from < text.length) all.push({ text: text.slice(from), name: null });
  return all;
}

/** The text with the names of its odd signs in their places. */
export function spelled(text) {
  return pieces(text).map((piece) => piece.name ?? piece.text).join("");
}
