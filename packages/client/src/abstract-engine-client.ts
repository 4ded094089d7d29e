import type { NodeId } from "@d-engine/core";
import type {
  Bytes,
  CallOptions,
  EngineClient,
  MemberInfo,
  MembershipSnapshot,
  PutOptions,
  PutResult,
  ReadOptions,
  ScanResult,
  WatchMembershipOptions,
} from "./engine-client.js";
import type { KvOperations } from "./kv/kv-operations.js";
import { toText } from "./to-bytes.js";

/**
 * What every client shares: the derived reads and the short names, all over a few primitives, so
 * that the embedded and the remote client cannot come to differ in them.
 *
 * A subclass may override `get` where it has a shorter way than a `getMulti` of one key.
 */
export abstract class AbstractEngineClient implements Omit<EngineClient, keyof KvOperations> {
  abstract put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult>;
  abstract delete(key: Bytes, options?: CallOptions): Promise<boolean>;
  abstract compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean>;
  abstract getMulti(
    keys: readonly Bytes[],
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]>;
  abstract scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult>;
  abstract listMembers(options?: CallOptions): Promise<readonly MemberInfo[]>;
  abstract getLeaderId(options?: CallOptions): Promise<NodeId | undefined>;
  abstract watchMembership(
    options?: WatchMembershipOptions,
  ): AsyncIterableIterator<MembershipSnapshot, undefined>;
  abstract close(): Promise<void>;

  async get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined> {
    const values = await this.getMulti([key], options);
    return values[0];
  }

  async getString(key: Bytes, options?: ReadOptions): Promise<string | undefined> {
    const value = await this.get(key, options);
    return value === undefined ? undefined : toText(value, "the value");
  }

  putWithTtl(key: Bytes, value: Bytes, ttlSecs: number, options?: CallOptions): Promise<PutResult> {
    return this.put(key, value, { ...options, ttlMs: Math.round(ttlSecs * 1000) });
  }

  getLinearizable(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.get(key, { ...options, consistency: "linearizable" });
  }

  getLease(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.get(key, { ...options, consistency: "lease" });
  }

  getEventual(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.get(key, { ...options, consistency: "eventual" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
