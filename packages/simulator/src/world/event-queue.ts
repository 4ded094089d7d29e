/** Something that will happen at a moment of simulated time, unless it is cancelled before. */
export interface ScheduledEvent {
  readonly atMs: number;
  /** Orders events of the same moment: first planned, first run. */
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap of events, earliest first. */
export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #order = 0;

  get length(): number {
    return this.#heap.length;
  }

  /** How many wait that are not cancelled. Looks at each. */
  get planned(): number {
    return this.#heap.reduce((count, { cancelled }) => (cancelled ? count : count + 1), 0);
  }

  push(atMs: number, run: () => void): ScheduledEvent {
    this.#order += 1;
    const event: ScheduledEvent = { atMs, order: this.#order, run, cancelled: false };
    this.#heap.push(event);
    this.#raise(this.#heap.length - 1);
    return event;
  }

  /** When the next event that is not cancelled happens. */
  get nextMs(): number | undefined {
    while (this.#heap[0]?.cancelled === true) this.#removeFirst();
    return this.#heap[0]?.atMs;
  }

  /** Takes the next event that is not cancelled. */
  pop(): ScheduledEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      this.#removeFirst();
      if (!first.cancelled) return first;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #raise(start: number): void {
    let at = start;
    const heap = this.#heap;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #sink(start: number): void {
    let at = start;
    const heap = this.#heap;
    for (;;) {
      let least = 2 * at + 1;
      if (least >= heap.length) return;
      if (least + 1 < heap.length && comesBefore(heap[least + 1]!, heap[least]!)) least += 1;
      if (!comesBefore(heap[least]!, heap[at]!)) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function comesBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}
