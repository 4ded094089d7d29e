import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { EngineError } from "@d-engine/core";
import type { SecuritySettings } from "./security-settings.js";

/** What the files of a node hold, checked. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  /** The last moment at which the certificate is valid, in ms since 1970. */
  readonly expiresMs: number;
}

type Files = Pick<SecuritySettings, "tlsCert" | "tlsKey" | "tlsCa" | "tlsMinVersion">;

/**
 * Reads the files and checks what can be known of them before anybody connects.
 *
 * @throws EngineError `INVALID_REQUEST` naming the setting, the file, and what to do
 */
export async function readTlsFiles(files: Files, wallMs: number): Promise<TlsMaterial> {
  const cert = await read("tls_cert", files.tlsCert);
  const key = await read("tls_key", files.tlsKey);
  const ca = files.tlsCa === "" ? undefined : await read("tls_ca", files.tlsCa);
  const certificate = parseCertificate("tls_cert", files.tlsCert, cert);
  const expiresMs = checkDates(files.tlsCert, certificate, wallMs);
  if (!certificate.checkPrivateKey(parseKey(files.tlsKey, key))) {
    throw bad(
      "tls_key",
      files.tlsKey,
      `is not the key of ${files.tlsCert}; give the two that were made together`,
    );
  }
  if (ca !== undefined) parseCertificate("tls_ca", files.tlsCa, ca);
  try {
    const minVersion = `TLSv${files.tlsMinVersion}` as const;
    createSecureContext({ cert, key, minVersion, ...(ca === undefined ? {} : { ca }) });
  } catch (cause) {
    throw bad("tls_cert", files.tlsCert, `cannot be used: ${messageOf(cause)}`, cause);
  }
  return { cert, key, ca, expiresMs };
}

async function read(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = "it cannot be read" } = cause as NodeJS.ErrnoException;
    throw bad(
      setting,
      path,
      `cannot be read (${code}); name a file in PEM that the node may read`,
      cause,
    );
  }
}

function parseCertificate(setting: string, path: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw bad(setting, path, `is no certificate in PEM: ${messageOf(cause)}`, cause);
  }
}

function parseKey(path: string, bytes: Buffer): KeyObject {
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw bad("tls_key", path, "is no private key in PEM without a pass phrase", cause);
  }
}

function checkDates(path: string, certificate: X509Certificate, wallMs: number): number {
  const { validFrom, validTo } = certificate;
  const expiresMs = Date.parse(validTo);
  if (wallMs > expiresMs) throw bad("tls_cert", path, `expired at ${validTo}; renew it`);
  if (wallMs < Date.parse(validFrom)) {
    throw bad("tls_cert", path, `is valid only from ${validFrom}; check the clock of this machine`);
  }
  return expiresMs;
}

function bad(setting: string, path: string, problem: string, cause?: unknown): EngineError {
  return new EngineError("INVALID_REQUEST", `${setting} (${path}) ${problem}`, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
