import type { Metadata } from "@grpc/grpc-js";
import { ANONYMOUS, type Caller } from "../driver/caller.js";
import { TokenCaller, type TokenPorts } from "./token.js";

/** Tokens that are remembered as checked; the one that was met first is forgotten first. */
const callersMax = 1_024;

/** Finds out who makes a call, by its metadata. */
export class Callers {
  readonly #ports: TokenPorts;
  readonly #byToken = new Map<string, TokenCaller>();

  constructor(ports: TokenPorts) {
    this.#ports = ports;
  }

  /** Nothing is checked here: whether anybody is asked for is decided when the call is served. */
  of(metadata: Metadata): Caller {
    const [header] = metadata.get("authorization");
    if (header === undefined) return ANONYMOUS;
    return this.ofHeader(header.toString());
  }

  /** By the value of an `authorization` header, of whichever protocol. */
  ofHeader(header: string): Caller {
    const token = /^bearer +(.*)$/i.exec(header)?.[1] ?? "";
    const known = this.#byToken.get(token);
    if (known !== undefined) return known;
    const caller = new TokenCaller(token, this.#ports);
    if (token.length > 0 && token.length <= 1_024) this.#remember(token, caller);
    return caller;
  }

  #remember(token: string, caller: TokenCaller): void {
    if (this.#byToken.size >= callersMax) {
      const [oldest] = this.#byToken.keys();
      if (oldest !== undefined) this.#byToken.delete(oldest);
    }
    this.#byToken.set(token, caller);
  }
}
