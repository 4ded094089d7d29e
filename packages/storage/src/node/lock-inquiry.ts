import * as net from "node:net";
import { errnoOf } from "../storage-errors.js";

/** What the owner of a lock socket is found to be. */
export type OwnerAnswer =
  /** Nobody listens, and nobody ever will under this name. */
  | { readonly kind: "dead" }
  /** Nothing is there, or its owner went away. */
  | { readonly kind: "gone" }
  | { readonly kind: "held"; readonly holder: string | undefined };

/**
 * Asks the owner of a lock socket, which says its pid at once and `held` when the lock is its own.
 * `mayWait`: it is a contender that yields to the asker, unless it holds the lock already.
 *
 * An owner that lives but does not answer in time (stopped, blocked) counts as a holder.
 */
export function askOwner(path: string, mayWait: boolean): Promise<OwnerAnswer> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    let said = "";
    const finish = (answer: OwnerAnswer): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", ignoreLateError);
      socket.destroy();
      resolve(answer);
    };
    const held = (): OwnerAnswer => {
      const pid = /^(\d+)\n/.exec(said)?.[1];
      return { kind: "held", holder: pid === undefined ? undefined : `process ${pid}` };
    };
    const timer = setTimeout(() => finish(held()), mayWait ? yieldMs : answerMs);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      said += text;
      const knowsEnough = mayWait ? said.includes("held") : said.includes("\n");
      if (knowsEnough || said.length > answerCharsMax) finish(held());
    });
    socket.on("end", () => finish({ kind: "gone" }));
    socket.on("error", (error) => {
      const errno = errnoOf(error);
      if (errno === "ENOENT") finish({ kind: "gone" });
      else if (errno === "ECONNREFUSED") finish({ kind: "dead" });
      // It listened, and closed while we waited to be accepted or answered.
      else if (errno === "ECONNRESET" || errno === "EPIPE") finish({ kind: "gone" });
      // Anything else is no proof of death.
      else finish(held());
    });
  });
}

function ignoreLateError(): void {
  // The answer is in; how the connection ends does not matter any more.
}

const answerMs = 1_000;
const yieldMs = 5_000;
const answerCharsMax = 64;
