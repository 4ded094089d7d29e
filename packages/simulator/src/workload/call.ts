import type { Consistency } from "@d-engine/client";
import type { HistoryOperation } from "../checkers/history.js";

/** What a client is about to ask. */
export type Request = Pick<HistoryOperation, "op" | "key" | "value" | "expect"> & {
  readonly consistency: Consistency;
};

/** What it was answered. */
export type Answer =
  | ({ readonly status: "ok" } & Pick<HistoryOperation, "value" | "done" | "rev">)
  | { readonly status: "unknown" }
  | { readonly status: "fail" };

/** One call from its beginning to its end. */
export interface Call {
  readonly answer: Answer;
  /** The run of a node that answered or failed to, as `node.incarnation`. */
  readonly node: string;
  readonly nodeId: number;
  readonly callMs: number;
  readonly endMs: number;
}

/** A way for a client to reach the cluster. */
export interface Caller {
  /** Makes one call; `undefined` when there was nobody to ask. Never rejects but for a bug. */
  call(request: Request): Promise<Call | undefined>;
}

/** Keys and values of a simulation are ASCII. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The value without what pads it: the name of the attempt that wrote it. */
export function toName(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === space) end -= 1;
  let text = "";
  for (let i = 0; i < end; i += 1) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** The bytes that `toName` turns into `name`, `length` of them where that is more. */
export function padded(name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(name.length, length)).fill(space);
  for (let i = 0; i < name.length; i += 1) bytes[i] = name.charCodeAt(i);
  return bytes;
}

const space = 0x20;
