import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Hands each line of a stream to a listener. */
export function eachLine(stream: Readable, listener: (line: string) => void): void {
  createInterface({ input: stream }).on("line", listener);
}

/** The object that a line holds, or `undefined` for a line of another kind. */
export function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // not one of ours
  }
}
