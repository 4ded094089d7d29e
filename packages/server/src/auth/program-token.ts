import type { AuthState } from "@d-engine/kv";
import { LOCAL_IDENTITY } from "../driver/caller.js";
import type { LocalNode } from "../driver/local-node.js";
import { signToken } from "./token.js";

const lifetimeMs = 3_600_000;

/**
 * Shows other members that a call comes from the program that one of them runs in: signed with the
 * key that the members share, as their state holds it.
 */
export class ProgramToken {
  readonly #node: Pick<LocalNode, "auth" | "identity">;
  #made: { readonly of: AuthState; readonly untilMs: number; readonly token: string } | undefined;

  constructor(node: Pick<LocalNode, "auth" | "identity">) {
    this.#node = node;
  }

  /** `undefined` while nobody is asked for. */
  current(): string | undefined {
    const { state } = this.#node.auth;
    if (!state.enabled) return undefined;
    const nowMs = Date.now();
    if (this.#made?.of !== state || nowMs >= this.#made.untilMs) {
      const ports = { clusterId: this.#node.identity.clusterId, nowMs: () => nowMs };
      const token = signToken(state, LOCAL_IDENTITY, lifetimeMs, ports);
      // Anew at half its time, so that it never runs out under way.
      this.#made = { of: state, untilMs: nowMs + lifetimeMs / 2, token };
    }
    return this.#made.token;
  }
}
