import { appendStamp, decodeWriteCommand, Slab, withIdentity } from "@d-engine/codec";
import { EngineError, type LeaderHint } from "@d-engine/core";
import type { KvStateMachine } from "@d-engine/kv";
import { accessOf, type Caller, identityOf, throwDenial } from "../caller.js";
import { AUTH_LEVEL, type FeatureGate, KV_COMMANDS_LEVEL } from "../feature-gate.js";
import type { Admission } from "../intake.js";
import type { ClusterTime } from "./cluster-time.js";

/** Of the node, as much as decides about commands. */
export interface KvIntakeDriver {
  readonly time: ClusterTime;
  /** Whether this node leads and its noop is applied. */
  readonly leads: boolean;
  leaderHint(): LeaderHint | undefined;
  status(): { readonly role: string };
  checkServing(): void;
}

/** A client's command as it is to be proposed. */
export interface KvProposal {
  readonly command: Uint8Array;
  readonly admission: Admission;
}

/**
 * Decides about what clients want written, beyond the sizes that the store looks at: what only a
 * leader may propose is refused (rule R14), what lives by the time of the cluster is stamped (R15),
 * what older versions do not know waits for all members to be newer (R14).
 */
export class KvIntake {
  readonly #driver: KvIntakeDriver;
  readonly #store: KvStateMachine;
  readonly #features: FeatureGate;
  readonly #stamped = new Slab();

  constructor(driver: KvIntakeDriver, store: KvStateMachine, features: FeatureGate) {
    this.#driver = driver;
    this.#store = store;
    this.#features = features;
  }

  /**
   * `undefined` for a plain write of the contract, which is proposed as it is; nearly all are, unless
   * users are asked for: then the command says on whose behalf it is. The bytes given are never
   * changed: another node may get them next.
   *
   * @throws EngineError `INVALID_REQUEST`; `NOT_LEADER`, `LEADER_CHANGED`, `VERSION_MISMATCH`,
   *   `CLUSTER_UNAVAILABLE`, `UNAUTHENTICATED`, `PERMISSION_DENIED`: no effect
   */
  admit(command: Uint8Array, caller?: Caller): KvProposal | undefined {
    if (this.#store.auth.enabled) {
      this.#store.validateClient(command);
      return this.#admitAs(command, caller);
    }
    const isPlain = isContractAlone(command);
    const needsStamp = (!isPlain || command[0] === insertTag) && this.#store.needsStamp(command);
    if (isPlain && !needsStamp) return undefined;
    this.#store.validateClient(command);
    this.#checkLeads();
    this.#checkLevel(KV_COMMANDS_LEVEL);
    return this.#stampedIf(needsStamp, command);
  }

  /** As `admit`, of a change of users and roles, which only nodes make. */
  admitAuth(command: Uint8Array, caller: Caller | undefined): KvProposal {
    return this.#admitAs(command, caller);
  }

  /** What the caller may not do is refused here, before the log, and again where it is applied. */
  #admitAs(command: Uint8Array, caller: Caller | undefined): KvProposal {
    this.#checkLeads();
    // Of a restored backup, which may ask from its first entry on, it is not recorded yet.
    this.#checkLevel(AUTH_LEVEL);
    const { auth } = this.#store;
    const access = accessOf(auth, caller);
    if (access !== undefined) throwDenial(this.#store.denialOf(command, access));
    const needsStamp = this.#store.needsStamp(command);
    if (!auth.enabled) return this.#stampedIf(needsStamp, command);
    const named = withIdentity(this.#stamped, command, identityOf(auth, caller));
    return this.#stampedIf(needsStamp, named);
  }

  #checkLevel(level: number): void {
    const refusal = this.#features.refusal(level);
    if (refusal !== undefined) throw refusal;
  }

  #stampedIf(needsStamp: boolean, command: Uint8Array): KvProposal {
    if (!needsStamp) return { command, admission: "normal" };
    const isRenewal = decodeWriteCommand(command).kind === "leaseKeepAlive";
    return {
      command: appendStamp(this.#stamped, command, this.#driver.time.nowMs()),
      admission: isRenewal ? "renewal" : "normal",
    };
  }

  /** A node that begins to lead by the end of this turn must find nothing without a stamp. */
  #checkLeads(): void {
    const driver = this.#driver;
    driver.checkServing();
    if (driver.leads) return;
    if (driver.status().role === "leader") {
      throw new EngineError("LEADER_CHANGED", "this node begins to lead; try again in a moment");
    }
    const leader = driver.leaderHint();
    throw new EngineError("NOT_LEADER", "this node does not lead", { leader });
  }
}

const insertTag = 0x0a;
const compareAndSwapTag = 0x1a;

/**
 * Whether the bytes are one of the contract's three operations and nothing else: neither mark nor
 * stamp nor a command of the store's own. A tag, and a length that takes up the rest.
 */
function isContractAlone(command: Uint8Array): boolean {
  const [tag] = command;
  if (tag === undefined || tag < insertTag || tag > compareAndSwapTag || (tag & 7) !== 2) {
    return false;
  }
  let length = 0;
  for (let at = 1; at < 5; at += 1) {
    const byte = command[at];
    if (byte === undefined) return false;
    length |= (byte & 0x7f) << (7 * (at - 1));
    if (byte < 0x80) return at + 1 + length === command.length;
  }
  return false;
}
