import { Fifo } from "../../driver/fifo.js";
import type { LocalWatch, WatchMessage } from "../../driver/index.js";

/** Bytes that go into one message, unless a single revision has more. */
const messageBytesMax = 64 * 1024;

/** One watch of a stream: how what it has to say is written there. */
export interface PumpedWatch {
  readonly watch: LocalWatch;
  encode(message: WatchMessage): readonly Uint8Array[];
  /** The watch threw this instead of a message: it is over. */
  ended(error: unknown): void;
}

export interface WatchPumpSetup {
  /** Sends one message; `sent` is called when the connection has taken it. */
  readonly write: (bytes: Uint8Array, sent: () => void) => void;
  /** Bytes that may wait for the reader before nothing more is taken from the watches. */
  readonly unsentBytesMax: number;
  /** Whether the reader is that far behind; told when it changes. */
  readonly behind: (isBehind: boolean) => void;
}

/**
 * Moves what the watches of one stream have to its caller, as fast as it reads and no faster: what
 * a slow caller has not read stays in its watches, whose bounds then end them. So a stuck one costs
 * the node a fixed amount of memory, and other streams nothing. Watches take turns.
 */
export class WatchPump {
  readonly #setup: WatchPumpSetup;
  readonly #ready = new Fifo<PumpedWatch>();
  readonly #queued = new Set<PumpedWatch>();
  /** Makes one message of several; without it each goes by itself. */
  join: ((messages: readonly Uint8Array[]) => Uint8Array) | undefined;
  /** What goes into the next message. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #scheduled = false;
  #unsentBytes = 0;
  #running = false;
  #stopped = false;

  constructor(setup: WatchPumpSetup) {
    this.#setup = setup;
  }

  add(pumped: PumpedWatch): void {
    pumped.watch.onReadable = () => {
      this.#enqueue(pumped);
      this.#schedule();
    };
    this.#enqueue(pumped);
    this.#run();
  }

  /** Sends what is no message of a watch. */
  send(bytes: Uint8Array): void {
    this.#gather(bytes);
    this.#flush();
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#stopped = true;
  }

  get #isFull(): boolean {
    return this.#unsentBytes >= this.#setup.unsentBytesMax;
  }

  #count(bytes: number): void {
    const wasFull = this.#isFull;
    this.#unsentBytes += bytes;
    if (wasFull !== this.#isFull) this.#setup.behind(this.#isFull);
  }

  /** Watches are told one after the other that they have something: what all have goes together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #gather(bytes: Uint8Array): void {
    if (this.#gatheredBytes + bytes.length > messageBytesMax) this.#flush();
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.join === undefined) this.#flush();
  }

  #flush(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (!this.#stopped) this.#write(this.join === undefined ? gathered[0]! : this.join(gathered));
  }

  #write(bytes: Uint8Array): void {
    this.#count(bytes.length);
    this.#setup.write(bytes, () => {
      this.#count(-bytes.length);
      this.#run();
    });
  }

  #enqueue(pumped: PumpedWatch): void {
    if (this.#queued.has(pumped)) return;
    this.#queued.add(pumped);
    this.#ready.push(pumped);
  }

  #run(): void {
    // A write may call back at once; the loop below goes on by itself.
    if (this.#running) return;
    this.#running = true;
    while (!this.#stopped && !this.#isFull) {
      const pumped = this.#ready.shift();
      if (pumped === undefined) break;
      this.#queued.delete(pumped);
      this.#move(pumped);
    }
    this.#flush();
    this.#running = false;
  }

  #move(pumped: PumpedWatch): void {
    let encoded: readonly Uint8Array[];
    try {
      const message = pumped.watch.take(messageBytesMax);
      if (message === undefined) return;
      encoded = pumped.encode(message);
    } catch (error) {
      // A bug in it is that of one stream: thrown on, from a turn of nobody, it would end the process.
      pumped.ended(error);
      return;
    }
    for (const bytes of encoded) this.#gather(bytes);
    this.#enqueue(pumped);
  }
}
