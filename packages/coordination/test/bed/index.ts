export type { BedClient, CallKind, Fate } from "./bed-client.js";
export type { Followed } from "./follow.js";
export { follow } from "./follow.js";
export { StoreBed } from "./store-bed.js";
