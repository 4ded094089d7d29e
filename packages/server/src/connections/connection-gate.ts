import type { Socket } from "node:net";

export interface GateBounds {
  readonly max: number;
  readonly perAddressMax: number;
  /** The settings' names, for whoever reads the log. */
  readonly names: { readonly max: string; readonly perAddressMax: string };
}

export interface GateSetup extends GateBounds {
  readonly nowMs: () => number;
  /** Told of refusals, at most once in ten seconds. */
  readonly onNotice: (line: string) => void;
}

export interface GateMetrics {
  readonly open: number;
  readonly refused: number;
  readonly refusedOfAddress: number;
}

const noticeEveryMs = 10_000;

/**
 * Counts the connections of one port, in total and by address. One beyond a bound is closed as soon
 * as it is there: whoever has too many must not cost others theirs.
 */
export class ConnectionGate {
  readonly #setup: GateSetup;
  readonly #byAddress = new Map<string, number>();
  #open = 0;
  #refused = 0;
  #refusedOfAddress = 0;
  #noticedMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(setup: GateSetup) {
    this.#setup = setup;
  }

  /** Counts the socket until it is closed. False: it is one too many, and the caller's to close. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? "";
    const ofAddress = this.#byAddress.get(address) ?? 0;
    const { max, perAddressMax, names } = this.#setup;
    if (this.#open >= max) {
      this.#refused += 1;
      this.#tell(`${max} connections are open (${names.max}); that of ${address} was closed`);
      return false;
    }
    if (ofAddress >= perAddressMax) {
      this.#refusedOfAddress += 1;
      this.#tell(
        `${address} has ${perAddressMax} connections open (${names.perAddressMax}); one more was closed`,
      );
      return false;
    }
    this.#open += 1;
    this.#byAddress.set(address, ofAddress + 1);
    socket.once("close", () => this.#leave(address));
    return true;
  }

  metrics(): GateMetrics {
    return { open: this.#open, refused: this.#refused, refusedOfAddress: this.#refusedOfAddress };
  }

  #leave(address: string): void {
    this.#open -= 1;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  #tell(line: string): void {
    const nowMs = this.#setup.nowMs();
    if (nowMs - this.#noticedMs < noticeEveryMs) {
      this.#untold += 1;
      return;
    }
    this.#noticedMs = nowMs;
    const more = this.#untold === 0 ? "" : `, and ${this.#untold} others since the last line`;
    this.#untold = 0;
    this.#setup.onNotice(line + more);
  }
}
