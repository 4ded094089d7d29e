import type { Consistency } from "@d-engine/client";
import {
  appendStamp,
  encodeKvWrite,
  type KvQuery,
  type KvQueryResult,
  Slab,
} from "@d-engine/codec";
import { EngineError, logIndex } from "@d-engine/core";
import { KvStateMachine, type WriteOutcome } from "@d-engine/kv";
import { VirtualClock } from "../../../server/src/driver/testing/virtual-clock.js";
import type { LocalWatch, WatchSpec } from "../../../server/src/watch/local-watch.js";
import { WatchHub } from "../../../server/src/watch/watch-hub.js";
import { WATCH_DEFAULTS } from "../../../server/src/watch/watch-options.js";
import { BedClient } from "./bed-client.js";

/** How often the leader looks for leases whose time has come. */
const expiryTickMs = 20;

/**
 * A cluster as its clients see it, without the cluster: the state machine and the watches that ship,
 * fed with encoded commands in one order, on virtual time. What may go wrong lies with the clients.
 *
 * @example
 * const bed = new StoreBed();
 * const [a, b] = [bed.client(), bed.client()];
 * const done = withLock(a, "x", work);
 * await bed.clock.advance(100);
 */
export class StoreBed {
  readonly clock = new VirtualClock();
  readonly machine = new KvStateMachine();
  readonly clients: BedClient[] = [];
  /** Reads that did not ask for a fresh state miss this many of the latest revisions. */
  staleBy = 0;
  readonly #slab = new Slab();
  #hub = this.#newHub();
  #index = 0;
  #isDown = false;
  /** Time in which the whole cluster was down does not count for leases (rule R15). */
  #downMs = 0;
  #downSinceMs = 0;

  constructor() {
    this.#tick();
  }

  client(): BedClient {
    const client = new BedClient(this, this.clients.length + 1);
    this.clients.push(client);
    return client;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** All servers are gone: nobody answers, watches break, the time of the cluster stands still. */
  goDown(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#downSinceMs = this.clock.nowMs();
    this.#hub.close(new EngineError("CLUSTER_UNAVAILABLE", "the cluster is down"));
  }

  comeUp(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#downMs += this.clock.nowMs() - this.#downSinceMs;
    this.#hub = this.#newHub();
    for (const client of this.clients) client.pumpWatches();
  }

  /** Applies what a client has sent, as a leader does. Throws what the client is refused with. */
  apply(bytes: Uint8Array): WriteOutcome {
    const { machine } = this;
    machine.validateClient(bytes);
    const isTimed = machine.needsStamp(bytes);
    const command = isTimed ? appendStamp(this.#slab, bytes, this.#clusterMs()) : bytes;
    machine.validate(command);
    const outcome = this.#enter(command);
    const { refusal } = outcome;
    if (refusal !== undefined) throw new EngineError(refusal.code, refusal.message);
    return outcome;
  }

  query(query: KvQuery, consistency: Consistency | undefined): KvQueryResult {
    const { machine, staleBy } = this;
    const isFresh = consistency === "linearizable" || consistency === "lease" || staleBy === 0;
    if (isFresh || query.kind !== "range" || query.revision !== 0) {
      return machine.query(query, answerBytesMax, this.#clusterMs());
    }
    const revision = Math.max(machine.oldestRevision, machine.revision - staleBy, 1);
    return machine.query({ ...query, revision }, answerBytesMax);
  }

  watch(spec: WatchSpec): LocalWatch {
    return this.#hub.watch(spec);
  }

  /** Gives up the history before this revision. */
  compact(revision: number): void {
    this.#enter(encodeKvWrite(this.#slab, { kind: "compact", revision }));
  }

  /** The keys that there are, as text. */
  keys(prefix = ""): string[] {
    const { entries } = this.machine.scanPrefix(Buffer.from(prefix));
    return entries.map(({ key }) => Buffer.from(key).toString());
  }

  #enter(command: Uint8Array): WriteOutcome {
    this.#index += 1;
    return this.machine.apply(logIndex(this.#index), command);
  }

  #clusterMs(): number {
    const untilMs = this.#isDown ? this.#downSinceMs : this.clock.nowMs();
    return Math.floor(untilMs - this.#downMs);
  }

  #tick(): void {
    this.clock.setTimer(expiryTickMs, () => {
      const command = this.#isDown ? undefined : this.machine.expiredAt(this.#clusterMs());
      if (command !== undefined) {
        const bytes = encodeKvWrite(this.#slab, command);
        this.#enter(appendStamp(this.#slab, bytes, this.#clusterMs()));
      }
      this.#tick();
    });
  }

  #newHub(): WatchHub {
    return new WatchHub({
      source: this.machine,
      clock: this.clock,
      options: { ...WATCH_DEFAULTS, watchProgressMs: 1_000 },
      keyBytesMax: this.machine.limits.keyBytesMax,
    });
  }
}

const answerBytesMax = 1_000_000;
