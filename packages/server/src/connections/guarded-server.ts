import type { Http2Server, ServerOptions } from "node:http2";
import { type ChannelOptions, Server, type ServerCredentials } from "@grpc/grpc-js";
import type { PortGuard } from "./port-guard.js";

/** What the gRPC library keeps to itself. */
interface Internals {
  commonServerOptions: ServerOptions;
  createHttp2Server(credentials: ServerCredentials): Http2Server;
}

/**
 * A server of the gRPC library whose connections are guarded. The library has no bound on
 * connections, on the size of headers or on the time for a handshake, and does not show the servers
 * of HTTP/2 that it makes: this is the one place that reaches for them, and it says so when a
 * version of the library has them no more.
 */
export function guardedServer(
  options: ChannelOptions,
  guard: PortGuard,
  headerBytesMax: number,
): Server {
  const server = new Server(options);
  const internals = server as unknown as Internals;
  const create = internals.createHttp2Server as Internals["createHttp2Server"] | undefined;
  if (typeof create !== "function" || typeof internals.commonServerOptions !== "object") {
    throw new TypeError("this version of @grpc/grpc-js cannot be guarded; use the one required");
  }
  const { settings } = internals.commonServerOptions;
  internals.commonServerOptions.settings = { ...settings, maxHeaderListSize: headerBytesMax };
  internals.createHttp2Server = (credentials) => {
    const http2Server = create.call(server, credentials);
    guard.attach(http2Server);
    return http2Server;
  };
  return server;
}
