import { EngineError } from "@d-engine/core";

/** `host:port`; an IPv6 host stands in brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
  /** The canonical form, by which addresses are compared. */
  readonly text: string;
}

/** What `parseHostPort` accepts besides the common case. */
export interface ParseHostPortOptions {
  /** 0 where the system may choose the port, as a listener may. @defaultValue 1 */
  readonly portMin?: 0 | 1;
}

/** More nodes than a cluster can sensibly have; each costs a connection. */
export const endpointsMax = 64;

const shape =
  /^(?:http:\/\/)?(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*)):(?<port>\d{1,5})\/?$/;

/**
 * Reads `host:port` or `http://host:port`. Throws `INVALID_ADDRESS` with the offending text and
 * the form that is wanted; `https` is refused: all connections
 * of a client are encrypted, or none is.
 */
export function parseHostPort(text: string, options: ParseHostPortOptions = {}): HostPort {
  if (typeof text !== "string") {
    throw invalidAddress(`an endpoint must be a string, got ${typeof text}`);
  }
  const groups = shape.exec(text.trim())?.groups;
  if (groups === undefined) {
    const why = /^https:/i.test(text) ? "TLS is switched on by the option tls (--tls); " : "";
    throw invalidAddress(
      `"${text}" is not an address: ${why}write it as host:port, for example 127.0.0.1:9081`,
    );
  }
  const { host = "", port: digits = "" } = groups;
  const port = Number(digits);
  const portMin = options.portMin ?? 1;
  if (port < portMin || port > portMax) {
    throw invalidAddress(`"${text}": the port must lie from ${portMin} to ${portMax}`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port, text: `${host.toLowerCase()}:${port}` };
}

/** The addresses of a list of endpoints, in order and each once. */
export function parseEndpoints(endpoints: readonly string[]): readonly string[] {
  if (endpoints.length === 0) {
    throw invalidAddress("no endpoint given; name at least one node as host:port");
  }
  if (endpoints.length > endpointsMax) {
    throw invalidAddress(`${endpoints.length} endpoints given, at most ${endpointsMax} allowed`);
  }
  return [...new Set(endpoints.map((endpoint) => parseHostPort(endpoint).text))];
}

const portMax = 65_535;

function invalidAddress(message: string): EngineError {
  return new EngineError("INVALID_ADDRESS", message);
}
