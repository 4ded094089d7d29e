import {
  CodecError,
  encodeCompareAndSwap,
  encodeDelete,
  encodeKvWrite,
  encodePut,
  type KvCommand,
  Slab,
} from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { Bytes, CallOptions, PutOptions, PutResult } from "../engine-client.js";
import { toBytes } from "../to-bytes.js";
import { AbstractKvClient } from "./abstract-kv-client.js";
import type { KvOutcome } from "./kv-port.js";
import { checkTtl } from "./ttl.js";

/** The writes of a client that carries them as bytes, which it copies before it returns. */
export abstract class EncodingClient extends AbstractKvClient {
  protected readonly slab = new Slab();

  async put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult> {
    const lease = options?.lease;
    if (lease !== undefined) return await this.putWithLease(key, value, { ...options, lease });
    const ttlMs = checkTtl(options?.ttlMs);
    const command = encodePut(this.slab, toBytes(key, "key"), toBytes(value, "value"), ttlMs);
    const { revision } = await this.carry(command, options);
    return { revision };
  }

  async delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    const { existed } = await this.carry(encodeDelete(this.slab, toBytes(key, "key")), options);
    return existed;
  }

  async compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean> {
    const command = encodeCompareAndSwap(
      this.slab,
      toBytes(key, "key"),
      expected === undefined ? undefined : toBytes(expected, "expected value"),
      toBytes(value, "value"),
    );
    const { succeeded } = await this.carry(command, options);
    return succeeded;
  }

  async execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome> {
    return await this.carry(
      encoding(() => encodeKvWrite(this.slab, command)),
      options,
    );
  }
}

/** Runs an encoder; what it cannot encode is the caller's to know. */
export function encoding(encode: () => Uint8Array): Uint8Array {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new EngineError("INVALID_REQUEST", error.message, { cause: error });
  }
}
