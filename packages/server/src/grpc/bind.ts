import { createServer } from "node:net";
import { type HostPort, parseHostPort } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { Server, ServerCredentials } from "@grpc/grpc-js";

/**
 * Binds the server to `listen`, port 0 meaning any free one, and resolves to where it listens.
 * Rejects with `INVALID_ADDRESS`, naming the address, what is wrong with it and the way out.
 */
export async function bind(
  server: Server,
  listen: string,
  credentials: ServerCredentials,
): Promise<HostPort> {
  const wanted = parseHostPort(listen, { portMin: 0 });
  await tryToListen(wanted);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(wanted.text, credentials, (cause, boundPort) => {
      if (cause === null) resolve(boundPort);
      else reject(cannotListen(wanted, cause.message, cause));
    });
  });
  return parseHostPort(wanted.text.replace(/:\d+$/, `:${port}`));
}

/**
 * Listens for a moment with a plain socket. The gRPC library gives no reason in a form that can be
 * told apart, and writes lines of its own to stderr when it cannot bind.
 */
function tryToListen(wanted: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => {
      const reason = REASONS.get(cause.code ?? "") ?? cause.message;
      reject(cannotListen(wanted, reason, cause));
    });
    probe.listen({ host: wanted.host, port: wanted.port, exclusive: true }, () => {
      probe.close(() => resolve());
    });
  });
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "another process listens there; stop it, or choose another port"],
  ["EACCES", "this user may not listen there; choose a port from 1024 up"],
  ["EADDRNOTAVAIL", "this machine has no such address; name one of its own, or 127.0.0.1"],
  ["ENOTFOUND", "the host name cannot be resolved"],
  ["EAI_AGAIN", "the host name cannot be resolved at the moment"],
]);

function cannotListen(wanted: HostPort, reason: string, cause: Error): EngineError {
  return new EngineError("INVALID_ADDRESS", `cannot listen on ${wanted.text}: ${reason}`, {
    cause,
  });
}
