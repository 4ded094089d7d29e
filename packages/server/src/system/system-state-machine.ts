import {
  EngineError,
  type LogIndex,
  type MembershipConfiguration,
  type NodeId,
  type StateMachine,
  type StateRestoration,
  type StateSnapshot,
} from "@d-engine/core";
import { checkLevel } from "./feature-levels.js";
import { InstanceRegistry } from "./instance-registry.js";
import { decodeSystemCommand, isSystemCommand, unwrapOpaque } from "./system-command.js";
import { SystemRestoration, SystemSnapshot } from "./system-snapshot.js";

/**
 * The part of the replicated state that the nodes keep for themselves, around the state machine
 * of the users. Takes its own commands out of the log before the inner machine sees them, so that
 * they never count as a change of the store.
 *
 * @typeParam Result what the inner state machine answers
 */
export class SystemStateMachine<Result> implements StateMachine<Result> {
  readonly inner: StateMachine<Result>;
  /** There, like `restore`, exactly when the inner machine has both. */
  declare readonly snapshot?: () => StateSnapshot;
  declare readonly restore?: () => StateRestoration;
  #registry = new InstanceRegistry();

  /** `bootstrap`, when given, says who the members are before the first entry of the log. */
  constructor(inner: StateMachine<Result>, bootstrap?: MembershipConfiguration) {
    this.inner = inner;
    if (bootstrap !== undefined) this.#registry.configured(bootstrap);
    if (inner.snapshot === undefined || inner.restore === undefined) return;
    // Called on the machine, whose methods they are.
    const { snapshot, restore } = inner;
    this.snapshot = () => new SystemSnapshot(this.#registry, snapshot.call(inner));
    this.restore = () =>
      new SystemRestoration(restore.call(inner), (registry) => {
        this.#registry = registry;
      });
  }

  get lastApplied(): LogIndex {
    return this.inner.lastApplied;
  }

  /** The instance that a member was first seen with (rule R13). */
  instanceOf(id: NodeId): string | undefined {
    return this.#registry.instanceOf(id);
  }

  /**
   * The entry that removed this instance of a node from the cluster; `undefined` when it was not
   * removed, or so long ago that it is forgotten (`REMOVALS_MAX`).
   */
  removalOf(id: NodeId, instanceId: string): LogIndex | undefined {
    const removal = this.#registry.removalOf(id);
    return removal?.instanceId === instanceId ? removal.index : undefined;
  }

  /** The feature level that every member has announced (rule R14). */
  get level(): number {
    return this.#registry.level;
  }

  validate(command: Uint8Array): void {
    // Behind a field that it does not know the inner machine might find an operation, and take as a
    // client's what `apply` would execute as the system's.
    if (isSystemCommand(command)) {
      throw new EngineError("INVALID_REQUEST", "the write command begins like one of the system's");
    }
    this.inner.validate(unwrapOpaque(command));
  }

  /** The result of a system command means nothing: only the system proposes those. */
  apply(index: LogIndex, command: Uint8Array): Result {
    if (!isSystemCommand(command)) return this.inner.apply(index, unwrapOpaque(command));
    const decoded = decodeSystemCommand(command);
    if (decoded.kind === "registerInstance") {
      this.#registry.register(decoded.nodeId, decoded.instanceId);
    } else {
      checkLevel(decoded.level);
      this.#registry.raiseLevel(decoded.level);
    }
    this.inner.skip(index);
    return undefined as Result;
  }

  skip(index: LogIndex): void {
    this.inner.skip(index);
  }

  /** An instance ends with the membership of its node (rule R13). */
  configured(configuration: MembershipConfiguration): void {
    this.#registry.configured(configuration);
    this.inner.configured?.(configuration);
  }
}
