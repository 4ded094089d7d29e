import type { SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { SecuritySettings } from "./security-settings.js";
import type { TlsMaterial } from "./tls-files.js";

type Policy = Pick<SecuritySettings, "tlsClientAuth" | "tlsMinVersion">;

/** The credentials of a port, whose certificate can be replaced while connections stay. */
export class ServerTls extends ServerCredentials {
  readonly #policy: Policy;

  constructor(policy: Policy, material: TlsMaterial) {
    const requestCert = policy.tlsClientAuth === "require";
    super({ requestCert, rejectUnauthorized: requestCert }, contextOptions(policy, material));
    this.#policy = policy;
  }

  /** Connections that begin from now on are shown this. */
  replace(material: TlsMaterial): void {
    this.updateSecureContextOptions(contextOptions(this.#policy, material));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

function contextOptions(
  { tlsMinVersion }: Policy,
  { cert, key, ca }: TlsMaterial,
): SecureContextOptions {
  return { cert, key, minVersion: `TLSv${tlsMinVersion}`, ...(ca === undefined ? {} : { ca }) };
}
