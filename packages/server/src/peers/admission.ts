import type { LogIndex } from "@d-engine/core";
import { type Metadata, status } from "@grpc/grpc-js";
import { type PeerIdentity, removalMetadata } from "./handshake.js";

/** What came of a look at the other side of a connection. */
export type Admission = { readonly peer: PeerIdentity } | Refused;

export interface Refused {
  readonly reason: string;
  /** It was a member, and the entry `by` removed it. */
  readonly removed?: { readonly peer: PeerIdentity; readonly by: LogIndex };
}

/** How a call ends whose caller is refused. `own` says who refuses, so that it may be believed. */
export function refusalStatus({ reason, removed }: Refused, own: Metadata) {
  const metadata = removed === undefined ? own : removalMetadata(own, removed.by);
  return { code: status.PERMISSION_DENIED, details: reason, metadata };
}
