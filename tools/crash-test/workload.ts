import type { CallOptions, EngineClient } from "@d-engine/client";
import type { Journal, State, StoreView, Verdict, Write } from "./journal.js";
import type { Prng } from "./prng.js";

export interface WorkloadOptions {
  readonly client: EngineClient;
  readonly journal: Journal;
  /** The store as it was before. */
  readonly base: StoreView;
  /** Loops, each with one write under way. */
  readonly callers: number;
  readonly random: Prng;
  /** Makes values that no other life of the node has used. */
  readonly life: number;
  /** Aborted when the node is killed: callers end after the write that is under way. */
  readonly stop: AbortSignal;
  /** Aborted a little later: ends what is still trying to reach a node that is gone. */
  readonly abandon: AbortSignal;
  /** Called with each acknowledged write. */
  readonly onAcknowledged: () => void;
}

const ownKeys = 8;
const sharedKeys = 12;
const timeoutMs = 30_000;
const keyBytesMax = 4096;

/**
 * Runs callers until `stop`. Each has keys of its own, whose state it knows exactly and checks on
 * every answer, and all of them contend for some shared keys. Returns what the answers themselves
 * contradicted; what a restart may reveal is in the journal.
 */
export async function runWorkload(options: WorkloadOptions): Promise<string[]> {
  const callers = Array.from(
    { length: options.callers },
    (_, number) => new Caller(number, options, options.random.fork()),
  );
  await Promise.all(callers.map((caller) => caller.run()));
  return callers.flatMap(({ contradictions }) => contradictions);
}

class Caller {
  readonly contradictions: string[] = [];
  readonly #number: number;
  readonly #options: WorkloadOptions;
  readonly #bounds: CallOptions;
  readonly #random: Prng;
  readonly #known = new Map<string, State>();
  #writes = 0;

  constructor(number: number, options: WorkloadOptions, random: Prng) {
    this.#number = number;
    this.#options = options;
    this.#bounds = { timeoutMs, signal: options.abandon };
    this.#random = random;
    for (let n = 0; n < ownKeys; n++) {
      const key = `own/${number}/${n}`;
      this.#known.set(key, options.base.values.get(key));
    }
  }

  /** Never rejects for what the node or its connection does: that is what is being tested. */
  async run(): Promise<void> {
    // After an unknown outcome the own key's state is unknown too, so that ends the caller; the
    // node is dead or dying then.
    let goOn = true;
    while (goOn && !this.#options.stop.aborted) {
      const dice = this.#random.next();
      if (dice < 0.02) goOn = await this.#putForbidden();
      else if (dice < 0.3) goOn = await this.#writeShared();
      else goOn = await this.#writeOwn();
    }
  }

  /** A put that every node must refuse: its key is one byte too long. */
  async #putForbidden(): Promise<boolean> {
    const key = `forbidden/${this.#number}/`.padEnd(keyBytesMax + 1, "x");
    const verdict = await this.#write("put", key, this.#value(), undefined);
    if (verdict.kind === "acknowledged") this.#contradict(key, "was accepted");
    return verdict.kind !== "unknown";
  }

  async #writeShared(): Promise<boolean> {
    const { client, base } = this.#options;
    const key = `shared/${this.#random.below(sharedKeys)}`;
    const dice = this.#random.next();
    if (dice < 0.15)
      return (await this.#write("delete", key, undefined, undefined)).kind !== "unknown";
    if (dice < 0.5)
      return (await this.#write("put", key, this.#value(), undefined)).kind !== "unknown";
    // What is expected may be stale by the time it is compared; that is the point.
    let expected: State = base.values.get(key);
    try {
      expected = await client.getString(key, this.#bounds);
    } catch (error) {
      // A read has no effect that a restart could show; the node is going down.
      if (!this.#options.stop.aborted) this.#contradict(key, `read failed: ${String(error)}`);
      return false;
    }
    const verdict = await this.#write("compareAndSwap", key, this.#value(), expected);
    return verdict.kind !== "unknown";
  }

  async #writeOwn(): Promise<boolean> {
    const key = `own/${this.#number}/${this.#random.below(ownKeys)}`;
    const known = this.#known.get(key);
    const dice = this.#random.next();
    const operation = dice < 0.12 ? "delete" : dice < 0.35 ? "compareAndSwap" : "put";
    const sets = operation === "delete" ? undefined : this.#value();
    const misses = operation === "compareAndSwap" && this.#random.next() < 0.25;
    const verdict = await this.#write(operation, key, sets, misses ? "never written" : known);
    if (verdict.kind === "acknowledged") {
      const changes = operation !== "delete" || known !== undefined;
      if (misses) this.#contradict(key, "a compare-and-swap with a wrong expectation succeeded");
      if (verdict.changed !== changes) this.#contradict(key, `delete said ${verdict.changed}`);
      this.#known.set(key, sets);
    } else if (verdict.kind === "refused" && !misses && !this.#options.stop.aborted) {
      this.#contradict(key, `${operation} was refused: ${verdict.reason}`);
    }
    return verdict.kind !== "unknown";
  }

  /** Carries one write out and journals it. */
  async #write(
    operation: Write["operation"],
    key: string,
    sets: State,
    expected: State,
  ): Promise<Verdict> {
    const { journal } = this.#options;
    const called = journal.tick();
    const verdict = await this.#send(operation, key, sets, expected);
    journal.record({ key, operation, sets, called, returned: journal.tick(), verdict });
    if (verdict.kind === "acknowledged") this.#options.onAcknowledged();
    return verdict;
  }

  async #send(
    operation: Write["operation"],
    key: string,
    sets: State,
    expected: State,
  ): Promise<Verdict> {
    const { client } = this.#options;
    try {
      if (operation === "delete") {
        return { kind: "acknowledged", changed: await client.delete(key, this.#bounds) };
      }
      if (operation === "put") {
        const { revision } = await client.put(key, sets ?? "", this.#bounds);
        return { kind: "acknowledged", changed: true, revision };
      }
      return (await client.compareAndSwap(key, expected, sets ?? "", this.#bounds))
        ? { kind: "acknowledged", changed: true }
        : { kind: "refused", reason: "no match" };
    } catch (error) {
      if (this.#options.abandon.aborted) return { kind: "unknown", reason: "abandoned" };
      return verdictOf(error);
    }
  }

  /** Unlike any other value of the run; now and then long enough to fill sectors and batches. */
  #value(): string {
    this.#writes += 1;
    const name = `${this.#options.life}.${this.#number}.${this.#writes}`;
    return name.padEnd(Math.floor(this.#random.logUniform(16, 8192)), ".");
  }

  #contradict(key: string, what: string): void {
    this.contradictions.push(`key ${key.slice(0, 40)}: ${what}`);
  }
}

function verdictOf(error: unknown): Verdict {
  const { outcome, code } = error as { outcome?: unknown; code?: unknown };
  const reason = `${String(code)}: ${error instanceof Error ? error.message : String(error)}`;
  // An error without an outcome is not one of ours: the promise is that there are none.
  if (outcome !== "rejected" && outcome !== "unknown") throw error;
  return { kind: outcome === "rejected" ? "refused" : "unknown", reason };
}
