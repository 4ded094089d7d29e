import { Changes, type LeaderInfo, type MembershipSnapshot } from "@d-engine/client";
import type { NodeIdentity } from "@d-engine/core";
import {
  type Driver,
  type DriverMetrics,
  KeepAlive,
  membershipSource,
  type NodeState,
} from "@d-engine/server";
import { type WaitReadyOptions, waitReady } from "./wait-ready.js";

/** What every running engine offers, whatever its state machine. */
export abstract class EngineHandle<Result> implements AsyncDisposable {
  readonly #driver: Driver<Result>;
  readonly #keepAlive = new KeepAlive();

  protected constructor(driver: Driver<Result>) {
    this.#driver = driver;
  }

  /** `running` until `close` is called or the disk fails. */
  get state(): NodeState {
    return this.#driver.state;
  }

  /** Resolves when the engine has ended, with the error that ended it, if any. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#driver.closed;
  }

  /** Which node this is, of which cluster; fixed when the data directory was made. */
  get identity(): NodeIdentity {
    return this.#driver.identity;
  }

  /** Who leads and can serve, as this node knows it. */
  get leaderInfo(): LeaderInfo | undefined {
    return this.#driver.leader.current;
  }

  /** Whether this node leads and can serve. May be outdated by the time it is acted upon. */
  get isLeader(): boolean {
    return this.leaderInfo?.leaderId === this.identity.nodeId;
  }

  /**
   * Resolves when there is a leader that can serve: this node or another.
   *
   * @throws EngineError `CLUSTER_UNAVAILABLE` after `timeoutMs`, `CLOSED` when the engine ends
   * @example
   * const { leaderId, term } = await engine.waitReady({ timeoutMs: 5_000 });
   */
  waitReady(options: WaitReadyOptions = {}): Promise<LeaderInfo> {
    return waitReady(this.#driver.leader, () => this.#driver.failure, options);
  }

  /**
   * The leader now, then each change of it; `undefined` while nobody leads. A slow consumer gets
   * the newest value and not those between. Ends with the engine; `break` releases it.
   *
   * @example
   * for await (const leader of engine.leaderChangeNotifier()) {
   *   console.log(leader === undefined ? "no leader" : `node ${leader.leaderId} leads`);
   * }
   */
  leaderChangeNotifier(): AsyncIterableIterator<LeaderInfo | undefined> {
    return new Changes(this.#driver.leader, { keepAlive: this.#keepAlive });
  }

  /**
   * The committed members now, then each change as it is applied here; on every role. A slow
   * consumer gets the newest and not those between. Ends with the engine; `break` releases it.
   *
   * @example
   * for await (const { members, learners } of engine.watchMembership()) {
   *   console.log(`voters ${members}, learners ${learners}`);
   * }
   */
  watchMembership(): AsyncIterableIterator<MembershipSnapshot> {
    return new Changes(membershipSource(this.#driver), { keepAlive: this.#keepAlive });
  }

  /** Counters since the start, and what waits at this moment. */
  metrics(): DriverMetrics {
    return this.#driver.metrics();
  }

  /**
   * Stops intake, lets accepted calls finish within `closeTimeoutMs`, seals the log and releases
   * the data directory. Calls that come later reject with `CLOSED`. Idempotent; never rejects:
   * what went wrong is told by `closed`.
   */
  close(): Promise<void> {
    return this.#keepAlive.during(this.#driver.close());
  }

  /** The same as `close`. */
  stop(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
