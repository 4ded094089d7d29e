import type { KeyRecord } from "@d-engine/client";
import { EngineError } from "@d-engine/core";

/** What the cluster knows of a schedule. */
export interface ScheduleRecord {
  /** The latest time that was begun or left out, in milliseconds since the epoch. */
  readonly slotMs: number;
  /** Whether it has come to an end. */
  readonly isDone: boolean;
  readonly modRevision: number;
}

export function encodeRecord(slotMs: number, isDone: boolean): string {
  return `${slotMs} ${isDone ? "done" : "begun"}`;
}

/** @throws EngineError `INVALID_REQUEST` when something else wrote the key */
export function decodeRecord(what: string, { value, modRevision }: KeyRecord): ScheduleRecord {
  const written = new TextDecoder().decode(value);
  const [slot = "", state = ""] = written.split(" ");
  const slotMs = Number(slot);
  if (slot !== "" && Number.isSafeInteger(slotMs) && (state === "done" || state === "begun")) {
    return { slotMs, isDone: state === "done", modRevision };
  }
  const message = `the record of ${what} holds ${JSON.stringify(written.slice(0, 40))}`;
  throw new EngineError("INVALID_REQUEST", `${message}; delete the key to begin again`);
}
