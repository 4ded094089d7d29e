/** One noted event; `detail` is only called when somebody wants to read it. */
interface TracedEvent {
  readonly atMs: number;
  readonly what: string;
  readonly subject: number;
  readonly detail: (() => string) | undefined;
}

/** Events kept for the report of a failure. */
const keptMax = 4_000;

/**
 * What happened in a run: a hash over all of it, equal for equal runs, and the newest events as
 * text for people.
 */
export class Trace {
  readonly #kept: TracedEvent[] = [];
  #next = 0;
  #left = 0x811c_9dc5;
  #right = 0x9e37_79b9;
  #count = 0;

  /** `subject` is a node, or 0 for the world; `value` is what else must be equal in equal runs. */
  note(atMs: number, what: string, subject: number, value: number, detail?: () => string): void {
    this.#count += 1;
    this.#mix(Math.floor(atMs * 1000));
    for (let i = 0; i < what.length; i += 1) this.#mix(what.charCodeAt(i));
    this.#mix(subject);
    this.#mix(value);
    this.#kept[this.#next] = { atMs, what, subject, detail };
    this.#next = (this.#next + 1) % keptMax;
  }

  /** Mixes a number into the hash without keeping anything to read. */
  digest(value: number): void {
    this.#mix(value);
  }

  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits over everything noted so far. */
  get hash(): string {
    return [this.#left, this.#right]
      .map((lane) => (lane >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }

  /** The newest events, oldest first, one line each. */
  tail(lines: number): string[] {
    const ordered = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
    return ordered.slice(ordered.length - lines).map(({ atMs, what, subject, detail }) => {
      const who = subject === 0 ? "world " : `node ${subject}`;
      const more = detail === undefined ? "" : `  ${detail()}`;
      return `${atMs.toFixed(3).padStart(11)}  ${who}  ${what}${more}`;
    });
  }

  #mix(value: number): void {
    const word = (value ^ (value / 0x1_0000_0000)) | 0;
    this.#left = Math.imul(this.#left ^ word, 0x0100_0193);
    const right = Math.imul((this.#right + word) | 0, 0x85eb_ca6b);
    this.#right = right ^ (right >>> 15);
  }
}
