import type { KvEvent } from "@d-engine/kv";

/** An event in the two forms that watches want: made once, whoever wants it. */
export class SharedEvent {
  readonly event: KvEvent;
  #without: KvEvent | undefined;

  constructor(event: KvEvent) {
    this.event = event;
  }

  get withoutPrevious(): KvEvent {
    if (this.event.previous === undefined) return this.event;
    this.#without ??= { ...this.event, previous: undefined };
    return this.#without;
  }
}
