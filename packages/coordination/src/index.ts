export type { CoordinationClient } from "./coordination-client.js";
export type { AcquireOptions } from "./lock/acquire.js";
export type { Held, Lock } from "./lock/held.js";
export type { HeldTxn } from "./lock/held-txn.js";
export { tryLock, withLock } from "./lock/lock.js";
export type { Permit, Semaphore } from "./semaphore/semaphore.js";
export { semaphore } from "./semaphore/semaphore.js";
