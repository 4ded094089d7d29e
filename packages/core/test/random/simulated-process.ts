import type { Effects, InputEvent, LogIndex } from "@d-engine/core";
import { Member, type MemberHost, type StartOptions } from "../support/member.js";
import { at, id } from "../support/messages.js";
import type { EventQueue } from "./event-queue.js";
import type { Prng } from "./prng.js";
import type { Profile } from "./profile.js";

/** One node in a process of its own: a clock that drifts, pauses, and a state machine. */
export class SimulatedProcess {
  readonly member: Member;
  /** Grows with each start and crash; what was scheduled for an earlier run is void. */
  run = 0;
  pausedUntilMs = 0;
  appliedIndex: LogIndex = at(0);
  #installedIndex: LogIndex = at(0);
  readonly #queue: EventQueue;
  /** Own milliseconds for one of the world. */
  readonly #clockRate: number;
  readonly #clockOffsetMs: number;

  constructor(
    n: number,
    host: MemberHost,
    world: { queue: EventQueue; prng: Prng; profile: Profile },
  ) {
    this.member = new Member(id(n), host);
    this.#queue = world.queue;
    this.#clockRate = 1 - world.prng.next() * world.profile.clockDriftMax;
    this.#clockOffsetMs = world.prng.int(0, 1_000_000);
  }

  get running(): boolean {
    return this.member.running;
  }

  get isLeader(): boolean {
    return this.running && this.member.node.isLeader;
  }

  get nowMs(): number {
    return this.#clockOffsetMs + this.#queue.nowMs * this.#clockRate;
  }

  /** `keepsState`: the state machine has a disk of its own and begins where it was. */
  start(options: Omit<StartOptions, "nowMs" | "appliedIndex">, keepsState: boolean): void {
    this.run++;
    const { commitIndex, snapshot } = this.member.disk;
    const kept = keepsState ? Math.min(this.appliedIndex, commitIndex) : 0;
    this.appliedIndex = at(Math.max(kept, snapshot?.index ?? 0));
    this.#installedIndex = at(0);
    this.member.start({ ...options, nowMs: this.nowMs, appliedIndex: this.appliedIndex });
  }

  crash(keptWrites: number): void {
    this.run++;
    this.member.crash(keptWrites);
  }

  step(event: InputEvent): Effects {
    return this.member.step(event, this.nowMs);
  }

  /** What an install has overtaken is said all the same: it was in the mailbox already. */
  apply(upTo: LogIndex): void {
    if (upTo <= this.appliedIndex && upTo > this.#installedIndex) return;
    this.appliedIndex = at(Math.max(upTo, this.appliedIndex));
    this.step({ kind: "applied", upTo });
  }

  installed(upTo: LogIndex): void {
    this.appliedIndex = upTo;
    this.#installedIndex = upTo;
  }

  /** Runs later in this run of the process, and not while it is paused. */
  later(delayMs: number, action: () => void): void {
    const { run } = this;
    this.#queue.after(delayMs, () => this.whenAwake(run, action));
  }

  whenAwake(run: number, action: () => void): void {
    if (this.run !== run || !this.running) return;
    const waitMs = this.pausedUntilMs - this.#queue.nowMs;
    if (waitMs > 0) this.#queue.after(waitMs, () => this.whenAwake(run, action));
    else action();
  }
}
