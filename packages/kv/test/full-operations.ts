import {
  appendStamp,
  encodeKvWrite,
  encodeWriteCommand,
  type SessionMark,
  Slab,
  type TxnCommand,
  type TxnOperation,
  withSession,
} from "@d-engine/codec";
import * as fc from "fast-check";
import { bytes } from "./commands.js";
import type { FullCommand } from "./full-twin.js";

/** One step of a property: a command, or something done to the machine between two of them. */
export type FullStep =
  | {
      readonly kind: "command";
      readonly command: FullCommand;
      /** Cluster time that has passed since the last one. */
      readonly passedMs: number;
      readonly mark: SessionMark | undefined;
    }
  /** Ends what is over, as a leader does. */
  | { readonly kind: "expire"; readonly passedMs: number }
  /** Compacts so much before the present revision. */
  | { readonly kind: "compact"; readonly back: number }
  | { readonly kind: "restore" | "view" | "look" };

const slab = new Slab();

/** Few, so that they meet. */
const keyNames = ["a", "ab", "b", "ba", "c\xff", "\0"];
export const keys = fc.constantFrom(...keyNames).map(bytes);
const values = fc.constantFrom("", "x", "xy", "z").map(bytes);
const leaseIds = fc.constantFrom(1, 2, 3);
const ttls = fc.constantFrom(1000, 1500, 4000);
const rangeEnds = fc.option(fc.constantFrom("", "b", "ba", "c").map(bytes), { nil: undefined });
export const spans = fc.record({ key: keys, rangeEnd: rangeEnds });

const plainPut = fc.record({
  kind: fc.constant("put" as const),
  key: keys,
  value: values,
  ttlMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: ttls }),
});

const leasePut = fc.oneof(
  fc.record({
    kind: fc.constant("leasePut" as const),
    key: keys,
    value: values,
    lease: fc.oneof(fc.constant(0), leaseIds),
    ttlMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant("leasePut" as const),
    key: keys,
    value: values,
    lease: fc.constant(0),
    ttlMs: ttls,
  }),
);

const deleteRange = spans.map((span) => ({ kind: "deleteRange" as const, ...span }));

const range = spans.map((span) => ({
  kind: "range" as const,
  ...span,
  limit: 0,
  revision: 0,
  keysOnly: false,
  countOnly: false,
  descending: false,
}));

const compares = fc.record({
  key: keys,
  rangeEnd: rangeEnds,
  target: fc.constantFrom(
    "version" as const,
    "createRevision" as const,
    "modRevision" as const,
    "value" as const,
    "lease" as const,
  ),
  result: fc.constantFrom(
    "equal" as const,
    "greater" as const,
    "less" as const,
    "notEqual" as const,
  ),
  number: fc.nat(4),
  value: values,
});

const txn: fc.Arbitrary<TxnCommand> = fc.letrec<{ txn: TxnCommand; operation: TxnOperation }>(
  (tie) => ({
    operation: fc.oneof(
      { maxDepth: 2, depthIdentifier: "txn" },
      leasePut,
      deleteRange,
      range,
      tie("txn"),
    ),
    txn: fc.record({
      kind: fc.constant("txn" as const),
      compares: fc.array(compares, { maxLength: 2 }),
      success: fc.array(tie("operation"), { maxLength: 3, depthIdentifier: "txn" }),
      failure: fc.array(tie("operation"), { maxLength: 3, depthIdentifier: "txn" }),
    }),
  }),
).txn;

const leaseCommands = fc.oneof(
  fc.record({
    kind: fc.constant("leaseGrant" as const),
    id: fc.oneof(fc.constant(0), leaseIds),
    ttlMs: ttls,
    session: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("leaseKeepAlive" as const), id: leaseIds }),
  fc.record({ kind: fc.constant("leaseRevoke" as const), id: leaseIds }),
  fc.record({
    kind: fc.constant("expire" as const),
    // Mostly of deadlines that are not theirs.
    leases: fc.array(fc.record({ id: leaseIds, deadlineMs: fc.nat(9000) }), { maxLength: 3 }),
  }),
  fc.constant({ kind: "time" as const }),
);

const commands: fc.Arbitrary<FullCommand> = fc.oneof(
  { weight: 4, arbitrary: plainPut },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: keys }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("compareAndSwap" as const),
      key: keys,
      expected: fc.option(values, { nil: undefined }),
      value: values,
    }),
  },
  { weight: 3, arbitrary: leasePut },
  { weight: 1, arbitrary: deleteRange },
  { weight: 4, arbitrary: txn },
  { weight: 4, arbitrary: leaseCommands },
);

const marks = fc
  .record({ id: leaseIds, sequence: fc.integer({ min: 1, max: 6 }), gap: fc.nat(3) })
  .map(({ id, sequence, gap }) => ({
    id,
    sequence,
    acknowledged: Math.max(0, sequence - 1 - gap),
  }));

export const steps: fc.Arbitrary<FullStep> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      command: commands,
      passedMs: fc.nat(400),
      mark: fc.option(marks, { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("expire" as const), passedMs: fc.nat(2000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("compact" as const), back: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("restore", "view", "look") }) },
) as fc.Arbitrary<FullStep>;

/** The bytes of the command as it enters the log. */
export function encoded(
  command: FullCommand,
  stampMs: number | undefined,
  mark: SessionMark | undefined,
): Uint8Array {
  const write = encodeUnstamped(command, mark);
  return stampMs === undefined ? write : appendStamp(slab, write, stampMs);
}

function encodeUnstamped(command: FullCommand, mark: SessionMark | undefined): Uint8Array {
  switch (command.kind) {
    case "put":
    case "delete":
    case "compareAndSwap": {
      const write = encodeWriteCommand(slab, command);
      return mark === undefined ? write : withSession(slab, write, mark);
    }
    default:
      return encodeKvWrite(slab, command, mark);
  }
}
