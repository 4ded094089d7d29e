import type { Process } from "../world/process.js";

/** What breaks together with a connection. */
export interface Breakable {
  readonly ended: boolean;
  end(kind: "lost", why: string): void;
  whenEnded(listener: () => void): void;
}

/** The calls and streams that break when the connection to one process does. */
export class Connection {
  readonly process: Process;
  readonly #calls = new Set<Breakable>();

  constructor(process: Process) {
    this.process = process;
  }

  add(call: Breakable): void {
    if (this.#calls.has(call)) return;
    this.#calls.add(call);
    call.whenEnded(() => this.#calls.delete(call));
  }

  break(why: string): void {
    for (const call of [...this.#calls]) call.end("lost", why);
  }
}
