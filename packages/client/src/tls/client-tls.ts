import { isIP } from "node:net";
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from "node:tls";
import { EngineError } from "@d-engine/core";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { parseHostPort } from "../endpoints.js";

/** How a client makes sure of its nodes, and shows who it is; texts and bytes are PEM. */
export interface ClientTls {
  /**
   * Authorities whose certificates are believed.
   * @defaultValue those that this Node.js trusts
   */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's own certificate and key, for nodes that ask for one; both or neither. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /**
   * The name that certificates of nodes are issued to.
   * @defaultValue the host of each address
   */
  readonly serverName?: string | undefined;
  /**
   * The oldest version of TLS that is spoken.
   * @defaultValue "1.2"
   */
  readonly minVersion?: TlsVersion | undefined;
}

/** A version of TLS, the oldest that is spoken. */
export type TlsVersion = "1.2" | "1.3";

/** Checked, ready for every connection. */
export interface TlsContext {
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

/** What connections are made with, as of now. */
export interface TlsSource {
  /** For a connection that begins. The same object as long as nothing has changed. */
  current(): TlsContext;
  /** Why what was given last cannot be used, so that what came before still is. */
  readonly problem: string | undefined;
}

/**
 * `undefined` for plaintext. What a function gives first is checked at once, later ones when a
 * connection is made.
 *
 * @throws EngineError `INVALID_REQUEST` for what cannot be read, or does not belong together
 */
export function tlsSourceOf(
  tls: boolean | ClientTls | (() => ClientTls) | undefined,
): TlsSource | undefined {
  if (typeof tls === "function") return new RenewedTls(tls);
  const context = tlsContextOf(tls);
  return context && { current: () => context, problem: undefined };
}

class RenewedTls implements TlsSource {
  readonly #ask: () => ClientTls;
  #given: ClientTls;
  #context: TlsContext;
  #problem: string | undefined;

  constructor(ask: () => ClientTls) {
    this.#ask = ask;
    this.#given = ask();
    this.#context = contextOfClient(this.#given);
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  current(): TlsContext {
    try {
      const given = this.#ask();
      if (given !== this.#given) {
        this.#given = given;
        this.#problem = undefined;
        this.#context = contextOfClient(given);
      }
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    return this.#context;
  }
}

const names: ReadonlySet<string> = new Set(["ca", "cert", "key", "serverName", "minVersion"]);

/**
 * What connections are made with; `undefined` for plaintext.
 *
 * @throws EngineError `INVALID_REQUEST` for what cannot be read, or does not belong together
 */
export function tlsContextOf(tls: boolean | ClientTls | undefined): TlsContext | undefined {
  if (tls === undefined || tls === false) return undefined;
  return contextOfClient(tls === true ? {} : tls);
}

function contextOfClient(given: ClientTls): TlsContext {
  if (typeof given !== "object" || given === null) {
    throw bad(
      `tls must be true, false, an object or a function that gives one, got ${String(given)}`,
    );
  }
  const unknown = Object.keys(given).find((name) => !names.has(name));
  if (unknown !== undefined) throw bad(`tls.${unknown} is no option; use ${[...names].join(", ")}`);
  const { ca, cert, key, serverName, minVersion = "1.2" } = given;
  if ((cert === undefined) !== (key === undefined)) {
    throw bad("tls.cert and tls.key go together: give both, or neither");
  }
  if (minVersion !== "1.2" && minVersion !== "1.3") {
    throw bad(`tls.minVersion must be "1.2" or "1.3", got ${JSON.stringify(minVersion)}`);
  }
  const context = contextOf("tls", {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined || key === undefined ? {} : { cert: pem(cert), key: pem(key) }),
    minVersion: `TLSv${minVersion}`,
  });
  return { context, serverName };
}

/** What a channel is made with, so that it is as secure as asked. */
export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  /** Belong to those of the channel. */
  readonly options: Readonly<Record<string, string>>;
}

const overrideKey = "grpc.ssl_target_name_override";
/** Says nothing: TLS allows no address as the name of a server, and the gRPC library sends one. */
const namelessServer = "node.invalid";

/** For a channel to `address`, `host:port`. */
export function channelSecurity(tls: TlsContext | undefined, address: string): ChannelSecurity {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {} };
  const { context, serverName } = tls;
  const { host } = parseHostPort(address);
  if (serverName === undefined && isIP(host) > 0) {
    const judged = {
      checkServerIdentity: (_: string, cert: PeerCertificate) => checkServerIdentity(host, cert),
    };
    return {
      credentials: credentials.createFromSecureContext(context, judged),
      options: { [overrideKey]: namelessServer },
    };
  }
  return {
    credentials: credentials.createFromSecureContext(context),
    options: serverName === undefined ? {} : { [overrideKey]: serverName },
  };
}

function contextOf(
  what: string,
  options: Parameters<typeof createSecureContext>[0],
): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw bad(`${what}: certificate, key or authority cannot be used, PEM is wanted: ${reason}`);
  }
}

function pem(given: string | Uint8Array): string | Buffer {
  return typeof given === "string" ? given : Buffer.from(given);
}

function bad(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", message);
}
