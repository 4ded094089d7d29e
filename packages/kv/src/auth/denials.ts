import { aboveEveryByte, type KeyRange, lowestByte } from "../prefix-range.js";
import type { WriteRefusal } from "../write-outcome.js";
import type { Access } from "./access.js";

/** Messages of what is not allowed: who, what, and the way out. They name no key that was not asked for. */

export function deniedKeys(access: Access, right: "read" | "write", range: KeyRange): WriteRefusal {
  return denied(
    `user "${access.name}" may not ${right} ${keysOf(range)}: grant one of its roles that right ` +
      "(d-engine role grant-permission)",
  );
}

export function deniedLease(access: Access, id: number): WriteRefusal {
  return denied(
    `user "${access.name}" may not use lease ${id}, which has keys that it may not write, or is ` +
      "another's session: take a lease of its own",
  );
}

/** `undefined` for whoever may do everything. */
export function deniedRoot(access: Access, what: string): WriteRefusal | undefined {
  if (access.root) return undefined;
  return denied(
    `user "${access.name}" may not ${what}: that takes the role root (d-engine user grant-role)`,
  );
}

function denied(message: string): WriteRefusal {
  return { code: "PERMISSION_DENIED", message };
}

function keysOf({ from, to }: KeyRange): string {
  if (to === from + lowestByte) return `key ${shown(from)}`;
  if (to === from + aboveEveryByte)
    return from === "" ? "all keys" : `keys that begin with ${shown(from)}`;
  if (to === aboveEveryByte) return `keys from ${shown(from)} on`;
  return `keys from ${shown(from)} up to ${shown(to)}`;
}

const shownMax = 64;

/** Printable; what is not ASCII by its number. */
function shown(key: string): string {
  const cut = key.length > shownMax ? `${key.slice(0, shownMax)}…` : key;
  const escaped = cut.replace(/[^ -~…]/g, (unit) => {
    return `\\x${unit.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
