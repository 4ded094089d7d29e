import type { CommandResult, KvCommand, KvQuery, KvQueryResult } from "@d-engine/codec";
import type { CallOptions, ReadOptions } from "../engine-client.js";

/** What a command did. */
export interface KvOutcome {
  readonly succeeded: boolean;
  /** The store revision after it. */
  readonly revision: number;
  /** What there is to say of this kind of command beyond that. */
  readonly detail: CommandResult | undefined;
}

/** What any write did. */
export interface KvWriteOutcome extends KvOutcome {
  /** Whether the key of a single-key write existed before. */
  readonly existed: boolean;
}

/** The store's own commands and queries as values: what the typed operations stand on. */
export interface KvPort {
  /** Carries one command out: a write, in every respect. Its bytes are not changed meanwhile. */
  execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome>;
  /** Asks one node. Bytes of the result may be views of the answer. */
  query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult>;
}

/** Any write as bytes: what sessions stand on. */
export interface WritePort {
  /**
   * Carries out one encoded `WriteCommand`, whose bytes nobody changes any more. Sends it again only
   * where it surely had no effect.
   */
  carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome>;
}
