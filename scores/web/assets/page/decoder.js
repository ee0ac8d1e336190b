// An event stream as the HTML standard has it (section 9.2.6): text in, events out.
// The rule: what has not come whole waits, and is bounded.

const MOST = 1 << 20;

export class Decoder {
  #rest = "";
  #type = "";
  #data = "";

  /** Of the last event that came whole. */
  lastId = "";
  #id = "";

  /** The events that are whole with this piece, as `{type, data}`. */
  feed(piece) {
    let text = this.#rest + piece;
    // The second half of a CRLF may be in the next piece.
    const held = text.endsWith("\r") ? "\r" : "";
    if (held) text = text.slice(0, -1);
    const lines = text.split(/\r\n|\r|\n/);
    this.#rest = lines.pop() + held;
    if (this.#rest.length > MOST) throw new Error("a line of the stream does not end");
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data += value + "\n";
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    if (this.#data.length > MOST) throw new Error("an event of the stream does not end");
    return null;
  }

  #dispatch() {
    this.lastId = this.#id;
    const event = this.#data === "" ? null : { type: this.#type || "message", data: this.#data.slice(0, -1) };
    this.#type = this.#data = "";
    return event;
  }
}
