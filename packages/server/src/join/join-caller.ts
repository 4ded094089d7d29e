import { failureOfStatus, type TransportFailure } from "@d-engine/client";
import { cluster, type DescMethod, fromBinary, type MessageShape } from "@d-engine/proto";
import { Client, Metadata } from "@grpc/grpc-js";
import { channelTo, type PeerSecurity } from "../peers/grpc-transport.js";
import type { Proven } from "../security/peer-secret.js";

export type JoinAnswer<Body> =
  | { readonly kind: "answered"; readonly body: Body }
  | { readonly kind: "failed"; readonly failure: TransportFailure };

export interface CallNodeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Who asks, as far as it can be proven. */
  readonly who: Proven;
  /** @defaultValue plaintext, and nothing to prove */
  readonly security?: PeerSecurity | undefined;
}

type Method = "discoverLeader" | "joinCluster";

/** Makes one call of a node that does not belong to the cluster yet. */
export async function callNode<Name extends Method>(
  address: string,
  name: Name,
  request: Uint8Array,
  { timeoutMs, signal, security, who }: CallNodeOptions,
): Promise<
  JoinAnswer<MessageShape<(typeof cluster.ClusterManagementService.method)[Name]["output"]>>
> {
  const method: DescMethod = cluster.ClusterManagementService.method[name];
  const metadata = new Metadata();
  const channel = channelTo(security, address);
  const client = new Client(address, channel.credentials, {
    ...channel.options,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
  });
  try {
    return await new Promise((resolve) => {
      const call = client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => bytes,
        request,
        security?.secret?.sign(metadata, who) ?? metadata,
        { deadline: Date.now() + timeoutMs },
        (error, body) => {
          signal?.removeEventListener("abort", onAbort);
          if (error !== null) resolve({ kind: "failed", failure: failureOfStatus(address, error) });
          else resolve(answerOf(address, method, body as Buffer) as never);
        },
      );
      const onAbort = (): void => call.cancel();
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  } finally {
    client.close();
  }
}

function answerOf(address: string, method: DescMethod, bytes: Buffer): JoinAnswer<unknown> {
  try {
    return { kind: "answered", body: fromBinary(method.output, bytes) };
  } catch {
    const message = `${address}: its answer is no ${method.output.typeName}`;
    return { kind: "failed", failure: { kind: "refused", code: "INVALID_RESPONSE", message } };
  }
}
