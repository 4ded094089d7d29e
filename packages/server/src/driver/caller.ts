import type { Identity } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { type Access, type AuthState, NOBODY, type WriteRefusal } from "@d-engine/kv";

/**
 * Who makes a request; where none is named, the program that the node runs in, which may do
 * everything. Asked for its identity each time that something is decided, by the state in which it
 * is decided: what was taken away in between does not count any more.
 */
export interface Caller {
  /**
   * To be asked only while users are asked for.
   *
   * @throws EngineError `UNAUTHENTICATED`; `CLUSTER_UNAVAILABLE` when this node has not caught up
   */
  identityIn(auth: AuthState): Identity;
}

/** Somebody who sent nothing. */
export const ANONYMOUS: Caller = Object.freeze({
  identityIn: () => {
    throw errorOf(NOBODY);
  },
});

export const LOCAL_IDENTITY: Identity = Object.freeze({ user: "", epoch: 0, local: true });

/** Of a request's caller. */
export function identityOf(auth: AuthState, caller: Caller | undefined): Identity {
  return caller === undefined ? LOCAL_IDENTITY : caller.identityIn(auth);
}

/**
 * What a caller may do; `undefined`: everything, as nobody is asked for, or as it is the program.
 *
 * @throws EngineError as `Caller.identityIn`
 */
export function accessOf(auth: AuthState, caller: Caller | undefined): Access | undefined {
  if (!auth.enabled || caller === undefined) return undefined;
  const access = auth.accessFor(caller.identityIn(auth));
  if ("code" in access) throw errorOf(access);
  return access;
}

/** Throws what speaks against a request, if anything does. */
export function throwDenial(denial: WriteRefusal | undefined): void {
  if (denial !== undefined) throw errorOf(denial);
}

function errorOf({ code, message }: WriteRefusal): EngineError {
  return new EngineError(code, message);
}
