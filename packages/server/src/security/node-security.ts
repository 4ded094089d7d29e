import { stat } from "node:fs/promises";
import {
  type ChannelSecurity,
  type ClientTls,
  channelSecurity,
  type TlsContext,
  tlsContextOf,
} from "@d-engine/client";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "../driver/logger.js";
import { PeerSecret } from "./peer-secret.js";
import type { SecuritySettings } from "./security-settings.js";
import { ServerTls } from "./server-tls.js";
import { readTlsFiles, type TlsMaterial } from "./tls-files.js";

/** How often the files are looked at. */
const lookEveryMs = 5_000;
/** A certificate that is this near its end is told of once a day. */
const warnBeforeMs = 14 * 24 * 3_600_000;
const warnEveryMs = 24 * 3_600_000;

/** A reading of what an operator asks. */
export interface SecurityMetrics {
  /** When the certificate ends, in milliseconds since 1970; infinite without one. */
  readonly certificateEndsMs: number;
  /** Looks at changed files that could not be used. */
  readonly certificatesRefused: number;
}

/** How a node proves who it is and makes sure of others, on every connection it makes or takes. */
export class NodeSecurity {
  /** `undefined`: whoever gives a member's identity is believed. */
  readonly secret: PeerSecret | undefined;
  readonly #settings: SecuritySettings;
  readonly #logger: Logger;
  readonly #server: ServerTls | undefined;
  #tls: ClientTls = {};
  #context: TlsContext | undefined;
  #seen: string;
  #told: string | undefined;
  #expiresMs = Number.POSITIVE_INFINITY;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #reloading: Promise<void> | undefined;
  #refused = 0;
  #closed = false;

  private constructor(
    settings: SecuritySettings,
    logger: Logger,
    seen: string,
    material: TlsMaterial | undefined,
  ) {
    this.#settings = settings;
    this.#logger = logger;
    this.#seen = seen;
    this.secret =
      settings.clusterSecret === "" ? undefined : new PeerSecret(settings.clusterSecret);
    if (material === undefined) return;
    this.#server = new ServerTls(settings, material);
    this.#take(material);
    this.clientTls = () => this.#tls;
    this.#timer = setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  /** @throws EngineError `INVALID_REQUEST` for files that cannot be used */
  static async open(settings: SecuritySettings, logger: Logger): Promise<NodeSecurity> {
    if (settings.tlsCert === "") return new NodeSecurity(settings, logger, "", undefined);
    const seen = await stampOf(settings);
    const material = await readTlsFiles(settings, Date.now());
    return new NodeSecurity(settings, logger, seen, material);
  }

  metrics(): SecurityMetrics {
    return { certificateEndsMs: this.#expiresMs, certificatesRefused: this.#refused };
  }

  /** For the port of the node. */
  get server(): ServerCredentials {
    return this.#server ?? ServerCredentials.createInsecure();
  }

  /** For a connection to another node that begins now. */
  channelTo(address: string): ChannelSecurity {
    return channelSecurity(this.#context, address);
  }

  /** The same, for clients of ours in this process; `undefined`: plaintext. */
  readonly clientTls: (() => ClientTls) | undefined;

  /**
   * Takes the files again if one of them has changed: connections that begin from then on use what
   * is in them. Files that cannot be used are told of once, and the former stay. Never rejects.
   */
  reload(): Promise<void> {
    if (this.#server === undefined || this.#closed) return Promise.resolve();
    // A slow disk must not pile them up, nor let an earlier one overtake.
    this.#reloading ??= this.#reload(this.#server).finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #reload(server: ServerTls): Promise<void> {
    const seen = await stampOf(this.#settings);
    if (seen === this.#seen) return;
    try {
      const material = await readTlsFiles(this.#settings, Date.now());
      if (this.#closed) return;
      server.replace(material);
      this.#take(material);
      this.#seen = seen;
      this.#told = undefined;
      this.#logger.info("the certificate was replaced: connections from now on use the new one");
    } catch (error) {
      // Not taken as seen: files are written one after the other, and fit when all are there.
      this.#refused += 1;
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#told === problem) return;
      this.#told = problem;
      this.#logger.error(`the certificate stays as it was: ${problem}`);
    }
  }

  async #look(): Promise<void> {
    await this.reload();
    this.#warnOfEnd();
  }

  /** Looks at the files no more. Idempotent. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #take({ cert, key, ca, expiresMs }: TlsMaterial): void {
    const { tlsMinVersion: minVersion } = this.#settings;
    this.#tls = { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
    this.#context = tlsContextOf(this.#tls);
    this.#expiresMs = expiresMs;
    this.#warnOfEnd();
  }

  #warnOfEnd(): void {
    const expiresMs = this.#expiresMs;
    const nowMs = Date.now();
    if (expiresMs - nowMs > warnBeforeMs || nowMs - this.#warnedMs < warnEveryMs) return;
    this.#warnedMs = nowMs;
    const when = new Date(expiresMs).toISOString();
    this.#logger.warn(`the certificate ends at ${when}: renew ${this.#settings.tlsCert}`);
  }
}

/** Differs when one of the files was written or replaced. */
async function stampOf({ tlsCert, tlsKey, tlsCa }: SecuritySettings): Promise<string> {
  const files = [tlsCert, tlsKey, tlsCa].filter((path) => path !== "");
  const stamps = await Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
        (error: NodeJS.ErrnoException) => error.code,
      ),
    ),
  );
  return stamps.join("\n");
}
