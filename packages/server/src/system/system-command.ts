import { assertNever, EngineError, type NodeId, nodeId } from "@d-engine/core";
import { create, fromBinary, system, toBinary } from "@d-engine/proto";

/** What a node writes into the log for itself (rule R14). */
export type SystemCommand = RegisterInstance | RaiseLevel;

export interface RegisterInstance {
  readonly kind: "registerInstance";
  readonly nodeId: NodeId;
  /** 32 hexadecimal digits. */
  readonly instanceId: string;
}

/** Every member has announced that it knows this level (rule R14). */
export interface RaiseLevel {
  readonly kind: "raiseLevel";
  readonly level: number;
}

/**
 * The tag of a system command: field 100, or one from 108 to 111, of bytes. What clients send
 * begins with one of its fields, 1 to 3 or 101 to 107.
 */
const secondTagByte = 0x06;
const firstTagBytes: readonly number[] = [0xa2, 0xe2, 0xea, 0xf2, 0xfa];

/** Whether the bytes of a log command are the system's own, told by their first two bytes. */
export function isSystemCommand(command: Uint8Array): boolean {
  const [first, second] = command;
  return second === secondTagByte && first !== undefined && firstTagBytes.includes(first);
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
    create(system.SystemCommandSchema, { command: messageOf(command) }),
  );
}

function messageOf(command: SystemCommand) {
  switch (command.kind) {
    case "registerInstance": {
      const value = { nodeId: command.nodeId, instanceId: fromHex(command.instanceId) };
      return { case: "registerInstance", value } as const;
    }
    case "raiseLevel":
      return { case: "raiseLevel", value: { level: command.level } } as const;
    default:
      return assertNever(command);
  }
}

/**
 * @throws EngineError `VERSION_MISMATCH` for a command that this build does not know: the node
 *   must stop rather than skip what others execute
 */
export function decodeSystemCommand(bytes: Uint8Array): SystemCommand {
  const { command } = fromBinary(system.SystemCommandSchema, bytes);
  if (command.case === "registerInstance" && command.value.instanceId.length === instanceBytes) {
    const { value } = command;
    const instanceId = toHex(value.instanceId);
    return { kind: "registerInstance", nodeId: nodeId(value.nodeId), instanceId };
  }
  if (command.case === "raiseLevel") return { kind: "raiseLevel", level: command.value.level };
  throw new EngineError(
    "VERSION_MISMATCH",
    "the log holds a system command that this version does not know; install a newer version",
  );
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
