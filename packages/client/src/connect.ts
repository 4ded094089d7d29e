import { type ConnectOptions, resolveConnectOptions } from "./connect-options.js";
import { GrpcTransport } from "./grpc-transport.js";
import { systemClock, systemRandom } from "./internal/system-clock.js";
import { type ClientPorts, RemoteClient } from "./remote-client.js";
import { errorOfFailure } from "./retrying-caller.js";

/**
 * Connects to a cluster through any of its nodes, named as `host:port` or `http://host:port`.
 * Resolves once a leader that can serve has answered; the other members are found by themselves.
 *
 * Rejects with `INVALID_ADDRESS` or `INVALID_REQUEST` for arguments that cannot be used, with
 * `CLUSTER_UNAVAILABLE` when no leader was found within `readyTimeoutMs`, with `UNAUTHENTICATED` for
 * a wrong user or password, and with `signal.reason` when aborted.
 *
 * @example
 * await using client = await connect(["127.0.0.1:9081"]);
 * await client.put("greeting", "hello");
 * console.log(await client.getString("greeting"));
 */
export async function connect(
  endpoints: readonly string[],
  options: ConnectOptions = {},
): Promise<RemoteClient> {
  const resolved = resolveConnectOptions(endpoints, options);
  const transport = new GrpcTransport(resolved);
  const client = await connectOver(
    { transport, clock: systemClock, random: systemRandom },
    endpoints,
    options,
  );
  // A wrong password is told here and not by the first call. Who cannot say goes on without.
  const failure = await transport.authenticate(resolved.readyTimeoutMs);
  if (failure?.kind !== "refused" || failure.code === "UNIMPLEMENTED") return client;
  await client.close();
  throw errorOfFailure(failure, "read");
}

/**
 * A client of a cluster whose members are known already: nothing is asked before the first call.
 *
 * @throws EngineError `INVALID_ADDRESS` or `INVALID_REQUEST` for arguments that cannot be used
 */
export function connectLazily(
  endpoints: readonly string[],
  options: ConnectOptions = {},
): RemoteClient {
  const transport = new GrpcTransport(resolveConnectOptions(endpoints, options));
  const ports = { transport, clock: systemClock, random: systemRandom };
  return connectLazilyOver(ports, endpoints, options);
}

/** `connectLazily` over ports of the caller's choice. The client owns the transport. */
export function connectLazilyOver(
  ports: ClientPorts,
  endpoints: readonly string[],
  options: ConnectOptions = {},
): RemoteClient {
  return new RemoteClient(resolveConnectOptions(endpoints, options), ports);
}

/** `connect` over ports of the caller's choice. The client owns the transport and closes it. */
export async function connectOver(
  ports: ClientPorts,
  endpoints: readonly string[],
  options: ConnectOptions = {},
): Promise<RemoteClient> {
  const client = connectLazilyOver(ports, endpoints, options);
  try {
    await client.refresh(options.signal === undefined ? {} : { signal: options.signal });
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
