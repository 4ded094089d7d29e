import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { EngineError } from "@d-engine/core";

/**
 * What the state holds of a password, 52 bytes: version 1, base-2 logarithm of the cost, block size,
 * parallelism, 16 bytes of salt, 32 bytes of scrypt.
 */
const version = 1;
const costLog2 = 14;
const blockSize = 8;
const parallelism = 1;
const saltBytes = 16;
const hashBytes = 32;
const headBytes = 4;

/** A password has 1 to this many bytes: hashing takes longer the longer it is. */
export const PASSWORD_BYTES_MAX = 1_024;

/** Answers on one thread of the pool, in which the log is written too, some tens of milliseconds. */
export async function hashPassword(password: string): Promise<Uint8Array> {
  const bytes = Buffer.from(password);
  if (bytes.length === 0 || bytes.length > PASSWORD_BYTES_MAX) {
    const message = `a password has 1 to ${PASSWORD_BYTES_MAX} bytes, got ${bytes.length}`;
    throw new EngineError("INVALID_REQUEST", message);
  }
  const salt = randomBytes(saltBytes);
  const head = Uint8Array.of(version, costLog2, blockSize, parallelism);
  const hash = await derive(bytes, salt, { N: 2 ** costLog2, r: blockSize, p: parallelism });
  return Buffer.concat([head, salt, hash]);
}

/** Whether the password is the one that `stored` was made of. */
export async function passwordMatches(password: string, stored: Uint8Array): Promise<boolean> {
  const [storedVersion, log2 = 0, r = 0, p = 0] = stored;
  const bytes = Buffer.from(password);
  if (storedVersion !== version || stored.length !== headBytes + saltBytes + hashBytes)
    return false;
  if (bytes.length > PASSWORD_BYTES_MAX || log2 > costLog2 + 4 || r > 2 * blockSize || p > 4)
    return false;
  const salt = stored.subarray(headBytes, headBytes + saltBytes);
  const hash = await derive(bytes, salt, { N: 2 ** log2, r, p });
  return timingSafeEqual(hash, stored.subarray(headBytes + saltBytes));
}

function derive(password: Uint8Array, salt: Uint8Array, cost: ScryptOptions): Promise<Buffer> {
  const options = { ...cost, maxmem: 512 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
