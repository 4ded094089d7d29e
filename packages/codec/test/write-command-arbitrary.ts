import fc from "fast-check";
import type { WriteCommand } from "../src/index.js";
import { bytes, uint64 } from "./arbitraries.js";
import { identity, kvCommand, sessionMark } from "./kv-arbitraries.js";

const contractCommand = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key: bytes, value: bytes, ttlMs: uint64 }),
  fc.record({ kind: fc.constant("delete" as const), key: bytes }),
  fc.record({
    kind: fc.constant("compareAndSwap" as const),
    key: bytes,
    expected: fc.option(bytes, { nil: undefined }),
    value: bytes,
  }),
);

const mark = fc.option(sessionMark, { nil: undefined });
const writer = fc.option(identity, { nil: undefined });

/** Of every kind, half of them in a session, half with who writes; none with a stamp. */
export const writeCommand: fc.Arbitrary<WriteCommand> = fc
  .tuple(fc.oneof(contractCommand, kvCommand), mark, writer)
  .map(([command, mark, identity]) => ({
    ...command,
    ...(mark === undefined ? {} : { mark }),
    ...(identity === undefined ? {} : { identity }),
  }));
