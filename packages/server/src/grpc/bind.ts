import { type HostPort, parseHostPort } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/**
 * Binds the server to `listen`, port 0 meaning any free one, and resolves to where it listens.
 * Rejects with `INVALID_ADDRESS`, naming the address, what is wrong with it and the way out.
 */
export async function bind(server: Server, listen: string): Promise<HostPort> {
  const { text } = parseHostPort(listen, { portMin: 0 });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(text, ServerCredentials.createInsecure(), (cause, boundPort) => {
      if (cause === null) resolve(boundPort);
      else reject(cannotListen(text, cause));
    });
  });
  return parseHostPort(text.replace(/:\d+$/, `:${port}`));
}

/** The library hands the system's error on as text only. */
const REASONS: readonly (readonly [errno: string, reason: string])[] = [
  ["EADDRINUSE", "another process listens there; stop it, or choose another port"],
  ["EACCES", "this user may not; choose a port from 1024 up"],
  ["EADDRNOTAVAIL", "this machine has no such address; name one of its own, or 127.0.0.1"],
  ["ENOTFOUND", "the host name cannot be resolved"],
  ["resolution", "the host name cannot be resolved"],
];

function cannotListen(address: string, cause: Error): EngineError {
  const reason = REASONS.find(([errno]) => cause.message.includes(errno))?.[1] ?? cause.message;
  return new EngineError("INVALID_ADDRESS", `cannot listen on ${address}: ${reason}`, { cause });
}
