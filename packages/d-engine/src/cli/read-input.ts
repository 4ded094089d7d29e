import { readFile } from "node:fs/promises";
import { EngineError } from "@d-engine/core";
import type { CliIo } from "./cli-io.js";

/** Far above what a node takes; only keeps a stray pipe from filling the memory. */
const inputBytesMax = 64 * 1024 * 1024;

/** @throws EngineError `INVALID_REQUEST` for more than anybody could mean */
export async function readStdin(io: CliIo): Promise<Uint8Array> {
  const bytes = await io.readStdin(inputBytesMax);
  if (bytes.length <= inputBytesMax) return bytes;
  throw new EngineError("INVALID_REQUEST", `standard input has more than ${inputBytesMax} bytes`);
}

/** @throws EngineError `INVALID_REQUEST` for a file that cannot be read */
export async function readInputFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("INVALID_REQUEST", `cannot read ${file}: ${why}`, { cause });
  }
}
