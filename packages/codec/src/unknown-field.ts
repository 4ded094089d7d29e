import { EngineError } from "@d-engine/core";
import type { Reader } from "./reader.js";

/** What to do about a field whose tag was read last: `refuseUnknownField` or `skipUnknownField`. */
export type OnUnknownField = (
  reader: Reader,
  message: string,
  tag: number,
  isKnown: boolean,
) => void;

/** Passes over it; for messages that client and server send each other. */
export const skipUnknownField: OnUnknownField = (reader, message, tag, isKnown) => {
  reader.skipUnknown(message, tag, isKnown);
};

/**
 * Refuses a field of a stored message whose tag was read last. Unlike a message on the wire, a
 * snapshot or a command of the log must not be read without a part of it: what it leaves out would
 * be lost for good.
 *
 * @throws EngineError `VERSION_MISMATCH` for a field number that `message` does not have
 * @throws CodecError for a known one (`isKnown`) under a foreign wire type, and for a broken field
 */
export function refuseUnknownField(
  reader: Reader,
  message: string,
  tag: number,
  isKnown: boolean,
): never {
  const { offset } = reader;
  reader.skipUnknown(message, tag, isKnown);
  throw newerVersion(`${message} before byte ${offset} has field ${tag >>> 3}`);
}

/** The error for something stored that only a newer version can have written. */
export function newerVersion(what: string): EngineError {
  return new EngineError(
    "VERSION_MISMATCH",
    `${what}, which this version does not know; install the newer version that wrote it`,
  );
}
