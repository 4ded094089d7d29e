import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Identity } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { AuthState } from "@d-engine/kv";
import { type Caller, LOCAL_IDENTITY } from "../driver/caller.js";

/**
 * Two kinds of tokens, both plain ASCII, to be sent as `authorization: Bearer TOKEN`:
 *
 * - `de1.CLAIMS.MAC`, given out for a password. CLAIMS is the base64url of a JSON array: user, epoch
 *   of its password, change of the users that the node had applied, wall-clock time in milliseconds
 *   until which it is good. MAC is HMAC-SHA256 over cluster id and claims with the key in the
 *   replicated state, so that every node of this cluster knows it, and those of no other: a restored
 *   backup is another cluster.
 * - `det.NAME.SECRET`, made for programs, until it is deleted. NAME is the base64url of a JSON array:
 *   user, id of the token. The state holds the SHA-256 of SECRET, 32 random bytes.
 *
 * The wall clock bounds how long a stolen token is of use, and nothing else: what ends with a user,
 * its password or its rights ends by the state, whatever a clock says.
 */

const sessionPrefix = "de1";
const lastingPrefix = "det";
const tokenCharsMax = 1_024;

export interface TokenPorts {
  readonly clusterId: string;
  /** Wall clock. */
  readonly nowMs: () => number;
}

/** A token for a user whose password was checked, or for the program of a node. */
export function signToken(
  auth: AuthState,
  { user, epoch }: Identity,
  lifetimeMs: number,
  ports: TokenPorts,
): string {
  const claims = [user, epoch, auth.revision, ports.nowMs() + lifetimeMs];
  const encoded = Buffer.from(JSON.stringify(claims)).toString("base64url");
  const mac = macOf(auth.tokenKey, ports.clusterId, encoded).toString("base64url");
  return `${sessionPrefix}.${encoded}.${mac}`;
}

/** A token that lasts, and what the state is to hold of it. */
export function newLastingToken(
  user: string,
  id: string,
): { readonly token: string; readonly hash: Uint8Array } {
  const secret = randomBytes(32);
  const name = Buffer.from(JSON.stringify([user, id])).toString("base64url");
  const token = `${lastingPrefix}.${name}.${secret.toString("base64url")}`;
  return { token, hash: sha256(secret) };
}

/** Whoever sent a token. Remembers what it found as long as nothing has changed. */
export class TokenCaller implements Caller {
  readonly #token: string;
  readonly #ports: TokenPorts;
  #known: { readonly auth: AuthState; readonly found: Found } | undefined;

  constructor(token: string, ports: TokenPorts) {
    this.#token = token;
    this.#ports = ports;
  }

  identityIn(auth: AuthState): Identity {
    if (this.#known?.auth !== auth) {
      this.#known = { auth, found: identified(this.#token, auth, this.#ports.clusterId) };
    }
    const { identity, untilMs } = this.#known.found;
    if (this.#ports.nowMs() < untilMs) return identity;
    throw unauthenticated("the token is no longer good: authenticate again");
  }
}

interface Found {
  readonly identity: Identity;
  /** By the wall clock. */
  readonly untilMs: number;
}

/** @throws EngineError `UNAUTHENTICATED`, `CLUSTER_UNAVAILABLE`, never with a part of the token */
function identified(token: string, auth: AuthState, clusterId: string): Found {
  const [prefix, name, secret, ...rest] = token.length > tokenCharsMax ? [] : token.split(".");
  if (name === undefined || secret === undefined || rest.length > 0) throw notAToken();
  if (prefix === sessionPrefix) return ofSession(name, secret, auth, clusterId);
  if (prefix === lastingPrefix) return ofLasting(name, secret, auth);
  throw notAToken();
}

function ofSession(claims: string, mac: string, auth: AuthState, clusterId: string): Found {
  const expected = macOf(auth.tokenKey, clusterId, claims);
  if (!isEqual(Buffer.from(mac, "base64url"), expected)) {
    throw unauthenticated("the token was not given out by this cluster: authenticate again");
  }
  // Ours, so it has this form.
  const [user, epoch, revision, untilMs] = parsed(claims) as [string, number, number, number];
  if (user === "") return { identity: LOCAL_IDENTITY, untilMs };
  const known = auth.users.get(user);
  if (known?.epoch !== epoch && revision > auth.revision) {
    const message = "this node has not heard of the user, or of its password, yet; try again";
    throw new EngineError("CLUSTER_UNAVAILABLE", message);
  }
  if (known?.epoch !== epoch) {
    throw unauthenticated("the user of the token is gone, or has another password by now");
  }
  return { identity: { user, epoch, local: false }, untilMs };
}

function ofLasting(name: string, secret: string, auth: AuthState): Found {
  const [user, id] = parsed(name);
  const known = auth.users.get(String(user));
  const hash = known?.tokens.find((token) => token.id === id)?.hash;
  const given = sha256(Buffer.from(secret, "base64url"));
  if (known === undefined || hash === undefined || !isEqual(given, hash)) {
    throw unauthenticated("there is no such token, or it was deleted");
  }
  const identity = { user: known.name, epoch: known.epoch, local: false };
  return { identity, untilMs: Number.POSITIVE_INFINITY };
}

function parsed(encoded: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    throw notAToken();
  }
}

function macOf(key: Uint8Array, clusterId: string, claims: string): Buffer {
  const signed = [clusterId, claims].join("\n");
  return createHmac("sha256", key).update(signed).digest();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function notAToken(): EngineError {
  return unauthenticated('what was sent is no token: send "authorization: Bearer TOKEN"');
}

function unauthenticated(message: string): EngineError {
  return new EngineError("UNAUTHENTICATED", message);
}
