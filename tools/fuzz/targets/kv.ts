import { isDeepStrictEqual } from "node:util";
import { appendStamp, encodeKvWrite, encodePut, Slab } from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { client, type DescMessage, toBinary } from "@d-engine/proto";
import { randomMessage } from "../random-message.js";
import { type FuzzTarget, MeaningLost } from "../target.js";

/** Two replicas of a store, which are given the same commands. */
class Replicas {
  readonly a = new KvStateMachine();
  readonly b = new KvStateMachine();
  index = 0;
}

const commandsMax = 300;
let replicas = new Replicas();
const slab = new Slab();

/** What is let in is applied without a failure, and alike everywhere. */
function run(bytes: Uint8Array): void {
  if (replicas.index >= commandsMax) replicas = new Replicas();
  const { a, b } = replicas;
  a.validateClient(bytes);
  const stampMs = 1_000 + replicas.index;
  const command = a.needsStamp(bytes) ? appendStamp(slab, bytes, stampMs) : bytes;
  a.validate(command);
  replicas.index += 1;
  const index = replicas.index as never;
  let outcomes: unknown[];
  try {
    outcomes = [a.apply(index, command), b.apply(index, Uint8Array.from(command))];
  } catch (error) {
    replicas = new Replicas();
    throw new Error(`what was let in cannot be applied: ${String(error)}`, { cause: error });
  }
  if (!isDeepStrictEqual(outcomes[0], outcomes[1])) throw new MeaningLost("two replicas differ");
}

export const kvTarget: FuzzTarget = {
  name: "kv/commands",
  samples: (random) => {
    const key = Uint8Array.of(0x6b);
    const of = (make: (slab: Slab) => Uint8Array): Uint8Array => Uint8Array.from(make(slab));
    const own = [
      of((s) => encodePut(s, key, key)),
      of((s) => encodePut(s, key, key, 1_000)),
      of((s) =>
        encodeKvWrite(s, { kind: "leaseGrant", id: 7, ttlMs: 60_000, session: true } as never),
      ),
      of((s) => encodeKvWrite(s, { kind: "leaseKeepAlive", id: 7 } as never)),
    ];
    const schema: DescMessage = client.WriteCommandSchema;
    const drawn = Array.from({ length: 400 }, () =>
      toBinary(schema, randomMessage(schema, random)),
    );
    return [...own, ...drawn.filter(isValid)];
  },
  run,
  isRefusal: (error) =>
    isEngineError(error, "INVALID_REQUEST") ||
    isEngineError(error, "RATE_LIMITED") ||
    // A field that only a newer version knows: what it changes cannot be left out.
    isEngineError(error, "VERSION_MISMATCH"),
};

function isValid(bytes: Uint8Array): boolean {
  try {
    const store = new KvStateMachine();
    store.validateClient(bytes);
    store.validate(bytes);
    return !store.needsStamp(bytes);
  } catch {
    return false;
  }
}
