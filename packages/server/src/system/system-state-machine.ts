import type { LogIndex, NodeId, StateMachine } from "@d-engine/core";
import { decodeSystemCommand, isSystemCommand, unwrapOpaque } from "./system-command.js";

/**
 * The part of the replicated state that the nodes keep for themselves, around the state machine
 * of the users. Takes its own commands out of the log before the inner machine sees them, so that
 * they never count as a change of the store.
 *
 * @typeParam Result what the inner state machine answers
 */
export class SystemStateMachine<Result> implements StateMachine<Result> {
  readonly inner: StateMachine<Result>;
  readonly #instances = new Map<NodeId, string>();

  constructor(inner: StateMachine<Result>) {
    this.inner = inner;
  }

  get lastApplied(): LogIndex {
    return this.inner.lastApplied;
  }

  /** The instance that a node id was first seen with (rule R13). */
  instanceOf(id: NodeId): string | undefined {
    return this.#instances.get(id);
  }

  validate(command: Uint8Array): void {
    // A client's command that looks like one of the system's is an empty operation to the inner
    // machine, which refuses it.
    this.inner.validate(unwrapOpaque(command));
  }

  /** The result of a system command means nothing: only the system proposes those. */
  apply(index: LogIndex, command: Uint8Array): Result {
    if (!isSystemCommand(command)) return this.inner.apply(index, unwrapOpaque(command));
    const { nodeId, instanceId } = decodeSystemCommand(command);
    // Two leaders may propose the same first contact; the first record stands on every node.
    if (!this.#instances.has(nodeId)) this.#instances.set(nodeId, instanceId);
    this.inner.skip(index);
    return undefined as Result;
  }

  skip(index: LogIndex): void {
    this.inner.skip(index);
  }
}
