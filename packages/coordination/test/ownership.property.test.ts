import { EngineError } from "@d-engine/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elect, type Held, semaphore, tryLock, withLock } from "../src/index.js";
import { type BedClient, type Fate, type Followed, follow, StoreBed } from "./bed/index.js";

/** Who asks for the one thing of a run, when, and what for. */
interface Ask {
  readonly client: number;
  readonly atMs: number;
  readonly holdMs: number;
  readonly mode: "wait" | "try";
  readonly giveUpMs: number | undefined;
}

/** What befalls a client, or all. */
interface Fault {
  readonly kind: "cut" | "stop" | "crash" | "watches" | "down" | "compact";
  readonly client: number;
  readonly atMs: number;
  readonly forMs: number;
}

interface Plan {
  readonly what: "lock" | "election" | "semaphore";
  readonly limit: number;
  readonly ttlMs: number;
  readonly asks: readonly Ask[];
  readonly faults: readonly Fault[];
  /** Draws the delays and losses of calls. */
  readonly chance: number;
  readonly lossRate: number;
}

const clientCount = 4;
/** Faults begin, and questions are asked, before this; then everything is well again. */
const troubleMs = 8_000;

const plans: fc.Arbitrary<Plan> = fc.record({
  what: fc.constantFrom("lock", "election", "semaphore"),
  limit: fc.integer({ min: 1, max: 3 }),
  ttlMs: fc.integer({ min: 1_000, max: 3_000 }),
  asks: fc.array(
    fc.record({
      client: fc.nat(clientCount - 1),
      atMs: fc.nat(troubleMs),
      holdMs: fc.integer({ min: 100, max: 2_500 }),
      mode: fc.constantFrom("wait", "wait", "wait", "try"),
      giveUpMs: fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined, freq: 4 }),
    }),
    { minLength: 4, maxLength: 16 },
  ),
  faults: fc.array(
    fc.record({
      kind: fc.constantFrom("cut", "stop", "crash", "watches", "down", "compact"),
      client: fc.nat(clientCount - 1),
      atMs: fc.nat(troubleMs),
      forMs: fc.integer({ min: 300, max: 5_000 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  chance: fc.nat(),
  lossRate: fc.constantFrom(0, 0.02, 0.15),
});

/** What a run has come to, over all runs: a test in which nothing happens proves nothing. */
const totals = { held: 0, lost: 0, overtaken: 0 };

class Run {
  readonly bed = new StoreBed();
  readonly clients: readonly BedClient[];
  readonly #plan: Plan;
  readonly #crashed = new Set<number>();
  readonly #asked: { readonly ask: Ask; readonly end: Followed<unknown> }[] = [];
  readonly #holders = new Set<Held>();
  readonly #writtenBy: number[] = [];
  /** What went wrong, as said where it was seen. */
  readonly wrong: string[] = [];
  #random: number;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = plan.chance;
    this.clients = Array.from({ length: clientCount }, () => this.bed.client());
    for (const client of this.clients) client.fate = () => this.#fate();
    const { clock } = this.bed;
    const apply = this.bed.apply.bind(this.bed);
    this.bed.apply = (bytes) => {
      const outcome = apply(bytes);
      this.#noteWriter();
      return outcome;
    };
    for (const ask of plan.asks) clock.setTimer(ask.atMs, () => this.#ask(ask));
    for (const fault of plan.faults) clock.setTimer(fault.atMs, () => this.#strike(fault));
  }

  async play(): Promise<void> {
    const { bed } = this;
    await bed.clock.advance(troubleMs + 1);
    this.#calm();
    const isQuiet = () => this.#awaited().every(({ end }) => end.isSettled);
    if (!(await bed.clock.advanceUntil(isQuiet, 120_000)))
      this.wrong.push("somebody waits for ever");
    for (const { end } of this.#awaited()) this.#judge(end.error);
    // Leases that nobody uses are revoked after as long as they live; the dead ones have ended.
    await bed.clock.advance(3 * this.#plan.ttlMs + 100);
    for (const key of bed.keys("_coordination/")) this.wrong.push(`${key} was left behind`);
    const sorted = [...this.#writtenBy].sort((one, other) => one - other);
    if (this.#limit === 1 && sorted.join() !== this.#writtenBy.join()) {
      this.wrong.push(`written in the order of tokens ${this.#writtenBy}`);
    }
  }

  get #limit(): number {
    return this.#plan.what === "semaphore" ? this.#plan.limit : 1;
  }

  /** Every call of those processes that still are there. */
  #awaited() {
    return this.#asked.filter(({ ask }) => !this.#crashed.has(ask.client));
  }

  #ask(ask: Ask): void {
    const client = this.clients[ask.client];
    if (client === undefined || this.#crashed.has(ask.client)) return;
    // A process asks in a turn of its own.
    client.clock.setTimer(0, () => {
      this.#asked.push({ ask, end: follow(this.#use(client, ask)) });
    });
  }

  async #use(client: BedClient, { mode, holdMs, giveUpMs }: Ask): Promise<void> {
    const { what, ttlMs } = this.#plan;
    const work = (held: Held) => this.#hold(client, held, holdMs);
    const options = giveUpMs === undefined ? { ttlMs } : { ttlMs, timeoutMs: giveUpMs };
    if (what === "election") {
      await using leadership = await elect(client, "x", options);
      return await work(leadership);
    }
    const permits = semaphore(client, "x", this.#limit);
    if (mode === "wait") {
      if (what === "lock") return await withLock(client, "x", work, options);
      return await permits.withPermit(work, options);
    }
    const trying = what === "lock" ? tryLock(client, "x", options) : permits.tryAcquire(options);
    await using held = await trying;
    if (held !== undefined) await work(held);
  }

  async #hold(client: BedClient, held: Held, holdMs: number): Promise<void> {
    totals.held += 1;
    this.#holders.add(held);
    this.#checkHolders();
    const write = () =>
      held.put("guarded", String(held.token)).catch((error) => this.#judge(error));
    void write();
    await new Promise<void>((resolve) => void client.clock.setTimer(holdMs, resolve));
    if (!held.isHeld) totals.lost += 1;
    await write();
  }

  /** Looked at whenever one more has it: each may say by its own clock that it is held. */
  #checkHolders(): void {
    const now = [...this.#holders].filter(({ isHeld }) => isHeld);
    if (now.length > this.#limit) {
      this.wrong.push(`${now.map(({ token }) => token)} hold at ${this.bed.clock.nowMs()}`);
    }
  }

  /** What a caller may be told after what has happened. */
  #judge(error: unknown): void {
    const allowed = ["LOCK_LOST", "WAIT_TIMEOUT", "OUTCOME_UNKNOWN", "CLUSTER_UNAVAILABLE"];
    if (error === undefined) return;
    if (error instanceof EngineError && error.code === "LOCK_LOST") totals.overtaken += 1;
    if (error instanceof EngineError && allowed.includes(error.code)) return;
    this.wrong.push(`rejected with ${error}`);
  }

  #strike({ kind, client: at, forMs }: Fault): void {
    const { bed } = this;
    const client = this.clients[at];
    if (client === undefined || this.#crashed.has(at)) return;
    const later = (end: () => void) => void bed.clock.setTimer(forMs, end);
    switch (kind) {
      case "cut":
        client.cut();
        return later(() => client.heal());
      case "stop":
        client.stop();
        return later(() => this.#wake(at));
      case "crash":
        // What it has sent is on its way.
        client.stop();
        this.#crashed.add(at);
        return;
      case "watches":
        return client.breakWatches(new EngineError("COMPACTED", "the history was given up"));
      case "down":
        bed.goDown();
        return later(() => bed.comeUp());
      case "compact":
        if (bed.machine.revision > 0) bed.compact(bed.machine.revision);
        return;
    }
  }

  #wake(at: number): void {
    if (this.#crashed.has(at)) return;
    this.clients[at]?.resume((due) => (this.#draw() < 0.5 ? due.reverse() : due));
  }

  #calm(): void {
    this.bed.comeUp();
    for (const [at, client] of this.clients.entries()) {
      this.#wake(at);
      client.heal();
      client.fate = () => ({ thereMs: 1, backMs: 1 });
    }
  }

  #fate(): Fate {
    const isLost = () => this.#draw() < this.#plan.lossRate;
    // Most are quick, and a few take long enough to arrive after their sender has given up.
    const delayMs = () => 1 + (this.#draw() < 0.05 ? 6_000 : 200) * this.#draw() ** 3;
    return {
      thereMs: isLost() ? undefined : delayMs(),
      backMs: isLost() ? undefined : delayMs(),
    };
  }

  /** A number in [0, 1). */
  #draw(): number {
    this.#random = (Math.imul(this.#random ^ (this.#random >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((this.#random ^ (this.#random >>> 13)) >>> 0) / 2 ** 32;
  }

  /** Notes whose write is in the store now, after each command. */
  #noteWriter(): void {
    const value = this.bed.machine.get(Buffer.from("guarded"));
    if (value === undefined) return;
    const token = Number(Buffer.from(value).toString());
    if (this.#writtenBy.at(-1) !== token) this.#writtenBy.push(token);
  }
}

describe("what is held", () => {
  it("has never too many holders, and loses no waiter, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const run = new Run(plan);
        await run.play();
        expect(run.wrong).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(totals.held).toBeGreaterThan(400);
    expect(totals.lost).toBeGreaterThan(20);
    expect(totals.overtaken).toBeGreaterThan(20);
  });
});
