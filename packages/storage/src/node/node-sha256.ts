import { createHash } from "node:crypto";
import type { Sha256 } from "../sha256.js";

/** SHA-256 as this platform has it. */
export function nodeSha256(): Sha256 {
  const hash = createHash("sha256");
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => new Uint8Array(hash.copy().digest()),
  };
}
