import { type AuthCommand, encodeKvWrite, Slab } from "@d-engine/codec";
import { type AuthState, deniedRoot, type KvStateMachine } from "@d-engine/kv";
import { accessOf, type Caller, throwDenial } from "./caller.js";
import type { DeadlineOptions } from "./local-node.js";

export interface AuthOptions extends DeadlineOptions {
  /** `undefined`: the program that the node runs in. */
  readonly caller?: Caller | undefined;
}

/** Who may do what on one node, and the way to change it. */
export interface NodeAuth {
  /** As it is applied here. */
  readonly state: AuthState;
  /** @throws EngineError `UNAUTHENTICATED`, `PERMISSION_DENIED` unless the caller may do everything */
  checkRoot(caller: Caller | undefined, what: string): void;
  /** @throws EngineError `UNAUTHENTICATED` unless the caller is a user, where those are asked for */
  checkUser(caller: Caller | undefined): void;
  /** Resolves with the state when the change is applied here. Rejects as a write does. */
  change(command: AuthCommand, options?: AuthOptions): Promise<AuthState>;
}

export interface StoreAuthSetup {
  readonly store: KvStateMachine;
  /** Proposes an encoded change; rejects with what it was refused for. */
  readonly propose: (command: Uint8Array, options: AuthOptions) => Promise<unknown>;
}

/** As the key-value store has it. */
export class StoreAuth implements NodeAuth {
  readonly #setup: StoreAuthSetup;
  readonly #commands = new Slab();

  constructor(setup: StoreAuthSetup) {
    this.#setup = setup;
  }

  get state(): AuthState {
    return this.#setup.store.auth;
  }

  checkRoot(caller: Caller | undefined, what: string): void {
    const access = accessOf(this.state, caller);
    if (access !== undefined) throwDenial(deniedRoot(access, what));
  }

  checkUser(caller: Caller | undefined): void {
    accessOf(this.state, caller);
  }

  async change(command: AuthCommand, options: AuthOptions = {}): Promise<AuthState> {
    await this.#setup.propose(encodeKvWrite(this.#commands, command), options);
    return this.state;
  }
}
