// What the stream tells, as values: `{student, exam, score}` or `{uuid, mean, count}`.
// The rule: an exam is its digits as text, for it may be more than a double can hold.

const LONG = /"exam":(\d{16,})/g;

/** The JSON of our server, with exams that are too long for a double as text. */
export function parse(text) {
  // Within a string a quote is escaped, so this is a member wherever it stands.
  return JSON.parse(text.replace(LONG, '"exam":"$1"'));
}

/** The event as a value; null for what we do not know. */
export function understand({ type, data }) {
  if (type === "score") {
    const { studentId, exam, score } = parse(data);
    return { student: studentId, exam: String(exam), score };
  }
  if (type === "mean") {
    const { UUID, mean, count } = JSON.parse(data);
    return { uuid: UUID, mean, count };
  }
  return null;
}
