import type { LeaderInfo } from "@d-engine/client";
import type { NodeId, Term } from "@d-engine/core";

/** A source of leaders that a test drives. */
export class ScriptedLeaders {
  current: LeaderInfo | undefined;
  ended = false;
  readonly listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Node `leaderId` leads from now on; `undefined`: nobody does. */
  set(leaderId: number | undefined): void {
    this.current =
      leaderId === undefined ? undefined : { leaderId: leaderId as NodeId, term: 1 as Term };
    this.#notify();
  }

  end(): void {
    this.ended = true;
    this.current = undefined;
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
