import type { KeyRecord } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { PrefixFollower } from "../follow/prefix-follower.js";
import { abortable } from "../internal/waiting.js";
import { portsOf } from "../recipe-ports.js";

export interface PartiesSetup {
  readonly client: CoordinationClient;
  readonly prefix: string;
  /** The key that says that the barrier is open. */
  readonly door: string;
  /** The key of who waits here. */
  readonly own: string;
  readonly what: string;
  readonly parties: number;
  readonly signal: AbortSignal;
}

/** Far above the parties that there can be: who waits anew has two keys for a moment. */
const entriesMax = 10_000;
const bytesMax = 16 * 1024 * 1024;

/**
 * Watches all who wait, and opens the barrier when enough do. Each of them tries that with the keys
 * that it has seen, so it opens only if these wait at that very moment; one of them succeeds, and the
 * others see it open.
 */
export async function followParties(setup: PartiesSetup): Promise<"open" | "gone"> {
  const { client, prefix, signal } = setup;
  let follower: PrefixFollower | undefined;
  const ended = new Promise<"open" | "gone">((resolve, reject) => {
    const look = (records: ReadonlyMap<string, KeyRecord>): void => {
      const own = records.get(setup.own);
      if (records.has(setup.door)) return resolve("open");
      if (own === undefined) return resolve("gone");
      const alike: KeyRecord[] = [];
      for (const record of records.values()) {
        const parties = text.decode(record.value);
        if (parties === String(setup.parties)) alike.push(record);
        // Who came first has set the number.
        else if (record.createRevision < own.createRevision) reject(otherNumber(setup, parties));
      }
      if (alike.length >= setup.parties) open(setup, alike, reject);
    };
    follower = new PrefixFollower({
      ports: portsOf(client),
      prefix,
      entriesMax,
      bytesMax,
      onChanges: () => look(follower?.records ?? noRecords),
      onStanding: () => undefined,
      onFailure: reject,
    });
  });
  try {
    return await abortable(ended, signal);
  } finally {
    follower?.close();
  }
}

/** What comes of it the follower sees; when it was in vain, because one of them has gone. */
function open(
  { client, door, signal, parties }: PartiesSetup,
  waiting: readonly KeyRecord[],
  failed: (error: unknown) => void,
): void {
  client
    .txn()
    .if({ key: door, exists: false }, ...waiting.map(({ key }) => ({ key, exists: true })))
    .then({ kind: "put", key: door, value: String(parties) })
    .commit({ signal })
    // Who stands anew tries again, if nobody else has done it.
    .catch(failed);
}

function otherNumber({ what, parties }: PartiesSetup, other: string): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `${what} is waited for by ${other} parties elsewhere, and by ${parties} here; use one number`,
  );
}

const noRecords: ReadonlyMap<string, KeyRecord> = new Map();
const text = new TextDecoder();
