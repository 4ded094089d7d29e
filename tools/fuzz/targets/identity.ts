import { EngineError, isEngineError } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { Callers, identityMetadata, PeerSecret, readIdentity } from "@d-engine/server/internal";
import { Metadata } from "@grpc/grpc-js";
import type { FuzzTarget } from "../target.js";

const identity = {
  clusterId: "ab".repeat(16),
  nodeId: 2,
  instanceId: "cd".repeat(16),
  featureLevel: 3,
};
const secret = new PeerSecret("what all members know");
const PROOF = "x-d-engine-proof";
const KEYS = [
  "x-d-engine-cluster-id",
  "x-d-engine-node-id",
  "x-d-engine-instance-id",
  "x-d-engine-feature-level",
  PROOF,
];
const encoder = new TextEncoder();

/** The headers by which a member shows who it is, one a line. */
const proofTarget: FuzzTarget = {
  name: "identity/proof",
  samples: () => {
    const metadata = secret.sign(identityMetadata(identity as never), identity);
    return [encoder.encode(KEYS.map((key) => String(metadata.get(key)[0])).join("\n"))];
  },
  run: (bytes) => {
    const lines = Buffer.from(bytes).toString("latin1").split("\n");
    const metadata = new Metadata();
    for (const [at, key] of KEYS.entries()) {
      // What the library lets through of a header: the rest it refuses by itself.
      metadata.set(key, (lines[at] ?? "").replace(/[^\x20-\x7e]/g, "?"));
    }
    const read = readIdentity(metadata);
    if (read.kind === "malformed") throw new EngineError("INVALID_REQUEST", read.reason);
    const refusal = secret.refuse(metadata, read.identity);
    if (refusal !== undefined) throw new EngineError("PERMISSION_DENIED", refusal);
    const { nodeId, instanceId } = read.identity;
    if (nodeId === identity.nodeId && instanceId === identity.instanceId) return;
    throw new TypeError(`believed node ${nodeId} of ${instanceId} by the proof of another`);
  },
  isRefusal: (error) =>
    isEngineError(error, "INVALID_REQUEST") || isEngineError(error, "PERMISSION_DENIED"),
};

const forged = [
  ["de1", JSON.stringify(["root", 1, 1, 9e15]), "mac"],
  ["det", JSON.stringify(["root", "1"]), "secret"],
  ["de1", JSON.stringify(["", 0, 0, 9e15]), ""],
  ["det", "null", "x"],
].map(([kind = "", claims = "", mac = ""]) => {
  const encoded = [claims, mac].map((part) => Buffer.from(part).toString("base64url"));
  return `Bearer ${kind}.${encoded.join(".")}`;
});

/** Headers of tokens, of which none is good here. */
const tokenTarget: FuzzTarget = {
  name: "identity/token",
  samples: () => [],
  first: forged.map((header) => encoder.encode(header)),
  run: (bytes) => {
    const { auth } = new KvStateMachine();
    const callers = new Callers({ clusterId: identity.clusterId, nowMs: () => 0 });
    const { user } = callers.ofHeader(Buffer.from(bytes).toString("latin1")).identityIn(auth);
    throw new TypeError(`a header that nobody gave out is that of "${user}"`);
  },
  isRefusal: (error) =>
    isEngineError(error, "UNAUTHENTICATED") || isEngineError(error, "CLUSTER_UNAVAILABLE"),
};

export const identityTargets: readonly FuzzTarget[] = [proofTarget, tokenTarget];
