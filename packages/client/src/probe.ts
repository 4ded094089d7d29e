import { CONNECT_DEFAULTS, type ConnectOptions } from "./connect-options.js";
import { parseEndpoints } from "./endpoints.js";
import type { CallOptions } from "./engine-client.js";
import { GrpcTransport } from "./grpc-transport.js";
import { tlsSourceOf } from "./tls/client-tls.js";
import type { ClusterView } from "./wire-messages.js";

/** What one node says of the cluster, or why it says nothing. */
export type ProbeResult =
  | { readonly kind: "answered"; readonly endpoint: string; readonly view: ClusterView }
  | { readonly kind: "failed"; readonly endpoint: string; readonly reason: string };

/**
 * Asks each endpoint once what it knows of the cluster, with or without a leader: for people who
 * want to see what is wrong, where `connect` waits until nothing is. Results are in the order of
 * the endpoints. Rejects with `INVALID_ADDRESS` for an endpoint that cannot be read.
 */
export async function probeEndpoints(
  endpoints: readonly string[],
  options: CallOptions & Pick<ConnectOptions, "tls"> = {},
): Promise<readonly ProbeResult[]> {
  const addresses = parseEndpoints(endpoints);
  const transport = new GrpcTransport({ ...CONNECT_DEFAULTS, tls: tlsSourceOf(options.tls) });
  const { signal, timeoutMs = CONNECT_DEFAULTS.timeoutMs } = options;
  try {
    return await Promise.all(
      addresses.map(async (endpoint): Promise<ProbeResult> => {
        const answer = await transport.call<"metadata">(
          endpoint,
          { kind: "metadata" },
          { timeoutMs, signal },
        );
        signal?.throwIfAborted();
        if (answer.kind === "failed") {
          return { kind: "failed", endpoint, reason: answer.failure.message };
        }
        return { kind: "answered", endpoint, view: answer.result };
      }),
    );
  } finally {
    await transport.close();
  }
}
