import { EngineError, type NodeId, nodeId } from "@d-engine/core";
import { create, fromBinary, system, toBinary } from "@d-engine/proto";

/** What a node writes into the log for itself (rule R14). */
export interface SystemCommand {
  readonly kind: "registerInstance";
  readonly nodeId: NodeId;
  /** 32 hexadecimal digits. */
  readonly instanceId: string;
}

/**
 * Every field of a system command has a number from 100 to 127, whose tag begins with a byte
 * from this range and ends with this one; no operation of a client begins so.
 */
const secondTagByte = 0x06;
const tagBytes = { from: 0xa2, to: 0xfa } as const;

/** Whether the bytes of a log command are the system's own, told by their first two bytes. */
export function isSystemCommand(command: Uint8Array): boolean {
  const first = command[0];
  if (first === undefined || command[1] !== secondTagByte) return false;
  return first >= tagBytes.from && first <= tagBytes.to && (first & 0x07) === 2;
}

/** No protobuf message begins with this byte. */
const opaqueMark = 0x00;

/**
 * Marks a command of a state machine of the user's own, whose bytes may be anything, so that none
 * is ever taken for one of the system's.
 */
export function wrapOpaque(command: Uint8Array): Uint8Array {
  const marked = new Uint8Array(command.length + 1);
  marked[0] = opaqueMark;
  marked.set(command, 1);
  return marked;
}

/** The command as its state machine knows it; a view. */
export function unwrapOpaque(command: Uint8Array): Uint8Array {
  return command[0] === opaqueMark ? command.subarray(1) : command;
}

export function encodeSystemCommand(command: SystemCommand): Uint8Array {
  return toBinary(
    system.SystemCommandSchema,
    create(system.SystemCommandSchema, {
      command: {
        case: "registerInstance",
        value: { nodeId: command.nodeId, instanceId: fromHex(command.instanceId) },
      },
    }),
  );
}

/**
 * @throws EngineError `VERSION_MISMATCH` for a command that this build does not know: the node
 *   must stop rather than skip what others execute
 */
export function decodeSystemCommand(bytes: Uint8Array): SystemCommand {
  const { command } = fromBinary(system.SystemCommandSchema, bytes);
  if (command.case !== "registerInstance" || command.value.instanceId.length !== instanceBytes) {
    throw new EngineError(
      "VERSION_MISMATCH",
      "the log holds a system command that this version does not know; install a newer version",
    );
  }
  const { value } = command;
  const instanceId = toHex(value.instanceId);
  return { kind: "registerInstance", nodeId: nodeId(value.nodeId), instanceId };
}

const instanceBytes = 16;

/** 32 hexadecimal digits of an instance id's 16 bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The inverse of `toHex`. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
