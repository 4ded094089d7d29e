import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type ScheduledRun, schedule } from "../src/index.js";
import { type BedClient, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let clients: BedClient[];
/** What was begun and ended, by whom, for which minute of the test. */
let begun: { client: number; slot: number; token: number; late: boolean }[];
let ended: number[];
let startMs: number;
beforeEach(() => fresh());

function fresh(): void {
  bed = new StoreBed();
  clients = [bed.client(), bed.client(), bed.client()];
  begun = [];
  ended = [];
  startMs = Math.floor(bed.clock.wallMs() / minute) * minute;
}

const minute = 60_000;

/** Every minute; each run takes `workMs` on the clock of its process. */
function start(client: BedClient, options = {}, workMs = 1_000) {
  const work = async ({ at, token, isLate, signal }: ScheduledRun) => {
    const slot = Math.round((at.getTime() - startMs) / minute);
    begun.push({ client: client.id, slot, token, late: isLate });
    await new Promise<void>((resolve) => {
      const timer = client.clock.setTimer(workMs, resolve);
      signal.addEventListener("abort", () => {
        timer.cancel();
        resolve();
      });
    });
    if (!signal.aborted) ended.push(slot);
  };
  return schedule(client, "job", "* * * * *", work, { ttlMs: 2_000, graceMs: 5_000, ...options });
}

/** Lets time pass until `ms` after a minute of the test. */
const until = (slot: number, ms: number) =>
  bed.clock.advance(startMs + slot * minute + ms - bed.clock.wallMs());

describe("schedule", () => {
  it("runs each time once in the cluster, with growing tokens", async () => {
    for (const client of clients) start(client);
    await bed.clock.advance(5 * minute + 30_000);
    expect(begun.map(({ slot, late }) => [slot, late])).toEqual(
      [1, 2, 3, 4, 5].map((slot) => [slot, false]),
    );
    expect(ended).toEqual([1, 2, 3, 4, 5]);
    const tokens = begun.map(({ token }) => token);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it("goes on where one process dies while it runs: with skip at the next time", async () => {
    for (const client of clients) start(client, {}, 20_000);
    await until(2, 5_000);
    const runner = clients.find(({ id }) => id === begun.at(-1)!.client)!;
    runner.cut();
    runner.stop();
    await until(4, 30_000);
    expect(begun.map(({ slot }) => slot)).toEqual([1, 2, 3, 4]);
    expect(ended).toEqual([1, 3, 4]);
  });

  it("with run a time that was not ended is begun again, until it is", async () => {
    for (const client of clients) start(client, { missed: "run" }, 20_000);
    await until(2, 5_000);
    const runner = clients.find(({ id }) => id === begun.at(-1)!.client)!;
    const slot = begun.at(-1)!.slot;
    runner.cut();
    runner.stop();
    await bed.clock.advance(40_000);
    expect(begun.at(-1)).toMatchObject({ slot, late: true });
    expect(begun.at(-1)!.client).not.toBe(runner.id);
    expect(ended.filter((one) => one === slot)).toHaveLength(1);
  });

  it("aborts the work before another may begin it, and its end does not count", async () => {
    start(clients[0]!, { missed: "run" }, 40_000);
    await until(1, 5_000);
    start(clients[1]!, { missed: "run" }, 1_000);
    clients[0]!.cut();
    await bed.clock.advance(4_000);
    expect(begun.map(({ client, slot }) => [client, slot])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(ended).toEqual([1]);
    clients[0]!.heal();
    await until(1, 55_000);
    expect([begun.length, ended]).toEqual([2, [1]]);
  });

  it("takes no claim that comes when another has run it already", async () => {
    start(clients[0]!);
    start(clients[1]!);
    await until(0, 59_000);
    clients[1]!.fate = (kind) => ({ thereMs: kind === "txn" ? 4_000 : 1, backMs: 1 });
    await until(1, 30_000);
    expect(begun.map(({ client }) => client)).toEqual([1]);
  });

  it("begins nothing with a claim whose answer outlasted its lease (R18)", async () => {
    start(clients[0]!);
    await until(0, 59_000);
    clients[0]!.fate = (kind) => {
      if (kind === "txn") return { thereMs: 1, backMs: 3_000 };
      return { thereMs: kind === "leaseGrant" ? 1 : undefined, backMs: 1 };
    };
    await until(1, 10_000);
    expect(begun).toEqual([]);
  });

  it("lets no late end of a lost run end the run of another", async () => {
    start(clients[0]!, { missed: "run" }, 2_000);
    await until(1, 1_000);
    clients[0]!.fate = (kind) => ({ thereMs: kind === "txn" ? 6_000 : undefined, backMs: 1 });
    start(clients[1]!, { missed: "run" }, 20_000);
    await until(1, 15_000);
    expect(begun.map(({ client }) => client)).toEqual([1, 2]);
    expect(bed.keys()).toContain("_coordination/schedule/job/run");
  });

  it("costs two transactions a run", async () => {
    start(clients[0]!);
    await until(3, 30_000);
    const txns = clients[0]!.calls.filter((kind) => kind === "txn");
    expect([begun.length, txns.length]).toEqual([3, 1 + 2 * 3]);
  });

  it("runs the latest of those that were missed once, or leaves them out", async () => {
    for (const missed of ["run", "skip"] as const) {
      fresh();
      const before = start(clients[0]!, { missed });
      await bed.clock.advance(1_000);
      void before.close();
      await bed.clock.advance(5 * minute);
      start(clients[1]!, { missed });
      await bed.clock.advance(30_000);
      const slots = begun.map(({ slot, late }) => [slot, late]);
      const latest = Math.floor((bed.clock.wallMs() - startMs) / minute);
      expect(slots).toEqual(missed === "run" ? [[latest, true]] : []);
    }
  });

  it("tells what the work rejects with, and goes on", async () => {
    const errors: unknown[] = [];
    const work = () => {
      throw new Error("no");
    };
    schedule(clients[0]!, "job", "* * * * *", work, { onError: (error) => errors.push(error) });
    await bed.clock.advance(3 * minute);
    expect(errors.map(String)).toEqual(["Error: no", "Error: no", "Error: no"]);
  });

  it("ends when it is closed, aborts what runs, and leaves nothing but its record", async () => {
    const job = start(clients[0]!, {}, 30_000);
    await bed.clock.advance(minute);
    expect(begun).toHaveLength(1);
    let closed = false;
    void job.close().then(() => {
      closed = true;
    });
    await bed.clock.advance(1_000);
    expect([closed, ended, bed.keys()]).toEqual([true, [], ["_coordination/schedule/job/record"]]);
    await bed.clock.advance(5 * minute);
    expect(begun).toHaveLength(1);
  });

  it("refuses what is no schedule", () => {
    const none = () => undefined;
    expect(() => schedule(clients[0]!, "job", "every day", none)).toThrow("cron expression");
    expect(() => schedule(clients[0]!, "", "* * * * *", none)).toThrow("needs a name");
    const bad = { missed: "later" } as never;
    expect(() => schedule(clients[0]!, "job", "* * * * *", none, bad)).toThrow('"run" or "skip"');
  });

  it("with run misses no time, in their order, each run with a token of its own, whatever happens", async () => {
    const fault = fc.record({
      client: fc.nat({ max: 2 }),
      kind: fc.constantFrom("cut", "stop", "lose"),
      atMs: fc.integer({ min: 0, max: 6 * minute }),
      forMs: fc.integer({ min: 100, max: 20_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 10 }), async (faults) => {
        fresh();
        for (const client of clients) start(client, { missed: "run" });
        for (const { client: at, kind, atMs, forMs } of faults) {
          const client = clients[at]!;
          bed.clock.setTimer(atMs, () => {
            if (kind === "cut") client.cut();
            else if (kind === "stop") client.stop();
            else client.fate = () => ({ thereMs: 1, backMs: undefined });
          });
          bed.clock.setTimer(atMs + forMs, () => {
            if (kind === "cut") client.heal();
            else if (kind === "stop") client.resume();
            else client.fate = () => ({ thereMs: 1, backMs: 1 });
          });
        }
        await bed.clock.advance(8 * minute);
        const slots = [...new Set(begun.map(({ slot }) => slot))];
        // A record of the end may be lost with its process, so two may come to the end of their work.
        expect(slots).toEqual([...slots].sort((a, b) => a - b));
        expect(slots.at(-1)! - slots[0]! + 1).toBe(slots.length);
        for (const slot of slots) expect(ended).toContain(slot);
        const tokens = begun.map(({ token }) => token);
        expect(new Set(tokens).size).toBe(tokens.length);
      }),
      { numRuns: 40 },
    );
  });
});
