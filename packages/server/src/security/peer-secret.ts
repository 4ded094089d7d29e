import { createHmac, timingSafeEqual } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";

/** The part of an identity that a proof stands for; a node that joins knows no more of itself. */
export interface Proven {
  readonly nodeId: number;
  readonly instanceId: string;
}

const proofKey = "x-d-engine-proof";

/**
 * Shows that a node knows what all members know. The secret itself is never sent: a proof is an
 * HMAC-SHA256 of who shows it. Who can read the wire can repeat it, which is what TLS is for.
 */
export class PeerSecret {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Adds the proof to what `who` says of itself. */
  sign(metadata: Metadata, who: Proven): Metadata {
    metadata.set(proofKey, this.#proofOf(who).toString("base64url"));
    return metadata;
  }

  /** Why whoever says to be `who` is not believed; `undefined` when it is. */
  refuse(metadata: Metadata, who: Proven): string | undefined {
    const shown = metadata.get(proofKey)[0];
    if (shown === undefined) {
      return `whoever calls itself node ${who.nodeId} shows no proof of the cluster's secret; set cluster_secret there as on the other members`;
    }
    const proof = Buffer.from(String(shown), "base64url");
    const expected = this.#proofOf(who);
    if (proof.length === expected.length && timingSafeEqual(proof, expected)) return undefined;
    return `node ${who.nodeId} has another cluster_secret; set the same on all members`;
  }

  #proofOf({ nodeId, instanceId }: Proven): Buffer {
    return createHmac("sha256", this.#secret)
      .update(`d-engine peer\n${nodeId}\n${instanceId}`)
      .digest();
  }
}
