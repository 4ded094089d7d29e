import { EngineError } from "@d-engine/core";
import { auth, create, fromBinary, toBinary } from "@d-engine/proto";
import { Metadata } from "@grpc/grpc-js";
import type { TransportFailure } from "../client-transport.js";
import { pathOf } from "../grpc-bytes.js";
import { systemClock } from "../internal/system-clock.js";

/** Who a client is: a user with its password, or a token. */
export interface CredentialOptions {
  /** Name of a user; with `password`. A token is asked for with them when the cluster wants one. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /**
   * Instead of a user. A function is asked whenever a call or a stream begins, so that it can give
   * one that was renewed meanwhile.
   */
  readonly token?: string | (() => string | undefined) | undefined;
}

/** Sends one call of `AuthService`. */
export type SendAuthenticate = (
  path: string,
  body: Uint8Array,
) => Promise<Uint8Array | TransportFailure>;

/** No faster than nodes forgive: calls with a wrong password must not lock its user out. */
const refusedForMs = 1_000;

const authenticatePath = pathOf(auth.AuthService.method.authenticate);

/**
 * What a client shows to nodes, one for all its connections. Nothing is asked for before a node
 * wants it: a cluster that asks for no users costs nothing.
 */
export class Credentials {
  readonly #given: CredentialOptions;
  #token: string | undefined;
  /** What a wrong password was answered with, and until when that is not tried again. */
  #refused: { readonly failure: TransportFailure; readonly untilMs: number } | undefined;
  #renewing: Promise<TransportFailure | undefined> | undefined;

  constructor(given: CredentialOptions) {
    this.#given = given;
  }

  /** As it is sent now. */
  get token(): string | undefined {
    const { token } = this.#given;
    if (typeof token === "function") return token();
    return token ?? this.#token;
  }

  /** What goes with a call. */
  metadata(): Metadata {
    return metadataOf(this.token);
  }

  /**
   * After a node did not take `refused`, or with the first call: gets another token. Resolves with
   * `undefined` when there is one, or with why there is none: `refusal`, if nothing can be asked for.
   */
  renew(
    refused: string | undefined,
    refusal: TransportFailure,
    send: SendAuthenticate,
  ): Promise<TransportFailure | undefined> {
    const { token } = this;
    if (token !== undefined && token !== refused) return Promise.resolve(undefined);
    if (this.#given.user === undefined) return Promise.resolve(refusal);
    if (this.#refused !== undefined && systemClock.nowMs() < this.#refused.untilMs) {
      return Promise.resolve(this.#refused.failure);
    }
    this.#renewing ??= this.#authenticate(send).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #authenticate(send: SendAuthenticate): Promise<TransportFailure | undefined> {
    const { user = "", password = "" } = this.#given;
    const request = create(auth.AuthenticateRequestSchema, { user, password });
    const answer = await send(authenticatePath, toBinary(auth.AuthenticateRequestSchema, request));
    if (!(answer instanceof Uint8Array)) {
      const untilMs = systemClock.nowMs() + refusedForMs;
      const isWrong = answer.kind === "refused" && answer.code === "UNAUTHENTICATED";
      this.#refused = isWrong ? { failure: answer, untilMs } : undefined;
      return answer;
    }
    const { token } = fromBinary(auth.AuthenticateResponseSchema, answer);
    this.#token = token === "" ? undefined : token;
    return undefined;
  }
}

export function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** @throws EngineError `INVALID_REQUEST`, never with what is secret */
export function credentialsOf(given: CredentialOptions): Credentials | undefined {
  const { user, password, token } = given;
  if (token !== undefined) {
    if (user !== undefined || password !== undefined) refuse("give a token, or a user, not both");
    const isText = typeof token === "string" && /^[\x21-\x7e]{1,1024}$/.test(token);
    if (!isText && typeof token !== "function") refuse("token must be printable ASCII");
    return new Credentials({ token });
  }
  if (user === undefined && password === undefined) return undefined;
  if (typeof user !== "string" || user === "") refuse("a password needs the name of its user");
  if (typeof password !== "string" || password === "") refuse("a user needs its password");
  return new Credentials({ user, password });
}

function refuse(message: string): never {
  throw new EngineError("INVALID_REQUEST", message);
}
