import { setTimeout as pause } from "node:timers/promises";
import { EngineError, isEngineError, type RemoteClient } from "@d-engine/client";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { escaped, jsonBytes } from "./printable.js";
import { type RemoteOptions, withClient } from "./remote-options.js";
import { untilStopped } from "./until-stopped.js";

export interface GrantCommandOptions extends RemoteOptions {
  readonly id?: number;
}

export interface TimeToLiveCommandOptions extends RemoteOptions {
  readonly keys: boolean;
}

/** A lease is renewed after this share of its time, as clients do. */
const renewShare = 1 / 3;
/** A renewal that failed is repeated after this one. */
const repeatShare = 1 / 20;

export async function grantLease(
  ttlMs: number,
  options: GrantCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const wanted = options.id === undefined ? {} : { id: options.id };
  const { id } = await withClient(options, (client) =>
    client.grantLease(ttlMs, { ...wanted, keepAlive: false }),
  );
  io.out(options.json ? `${JSON.stringify({ id, ttlMs })}\n` : `lease ${id}, ${ttlMs} ms\n`);
  return EXIT.ok;
}

export async function revokeLease(
  id: number,
  options: RemoteOptions,
  io: CliIo,
): Promise<ExitCode> {
  return await orNotFound(id, options, io, async () => {
    await withClient(options, (client) => client.execute({ kind: "leaseRevoke", id }));
    io.out(options.json ? `${JSON.stringify({ id, revoked: true })}\n` : `revoked lease ${id}\n`);
    return EXIT.ok;
  });
}

export async function showLease(
  id: number,
  options: TimeToLiveCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const { keys, json } = options;
  const status = await withClient(options, (client) => client.leaseTimeToLive(id, { keys }));
  if (status === undefined) return notFound(id, options, io);
  const { ttlMs, remainingMs } = status;
  if (json) {
    const shown = keys ? { keys: status.keys.map((key) => jsonBytes("key", key)) } : {};
    io.out(`${JSON.stringify({ id, found: true, ttlMs, remainingMs, ...shown })}\n`);
  } else {
    io.out(`lease ${id}, ${remainingMs} ms left of ${ttlMs} ms\n`);
    for (const key of status.keys) io.out(`${escaped(key)}\n`);
  }
  return EXIT.ok;
}

export async function listLeases(options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const ids = await withClient(options, (client) => client.leases());
  if (options.json) io.out(`${JSON.stringify({ ids })}\n`);
  else for (const id of ids) io.out(`${id}\n`);
  return EXIT.ok;
}

/** Renews a lease, and says so, until it is stopped; the lease then lives for its time. */
export async function keepLeaseAlive(
  id: number,
  options: RemoteOptions & { readonly once: boolean },
  io: CliIo,
): Promise<ExitCode> {
  return await orNotFound(id, options, io, () =>
    untilStopped(io, (signal) =>
      withClient(
        options,
        async (client) => {
          let { ttlMs, sentMs } = await renew(client, id);
          for (;;) {
            if (options.json) io.out(`${JSON.stringify({ id, ttlMs })}\n`);
            else io.out(`kept lease ${id} alive for ${ttlMs} ms\n`);
            if (options.once) return EXIT.ok;
            const nextMs = sentMs + ttlMs * renewShare - performance.now();
            await pause(Math.max(0, nextMs), undefined, { signal });
            ({ ttlMs, sentMs } = await renewInTime(client, id, sentMs + ttlMs, signal));
          }
        },
        signal,
      ),
    ),
  );
}

interface Renewal {
  readonly ttlMs: number;
  readonly sentMs: number;
}

async function renew(client: RemoteClient, id: number, signal?: AbortSignal): Promise<Renewal> {
  const sentMs = performance.now();
  const bounds = signal === undefined ? {} : { signal };
  const { detail } = await client.execute({ kind: "leaseKeepAlive", id }, bounds);
  if (detail?.kind === "lease") return { ttlMs: detail.ttlMs, sentMs };
  throw new EngineError("INVALID_RESPONSE", `lease ${id} was renewed, but not for how long`);
}

/** To renew twice does no harm, so whatever fails is repeated while the lease may still be there. */
async function renewInTime(
  client: RemoteClient,
  id: number,
  endMs: number,
  signal: AbortSignal,
): Promise<Renewal> {
  const startMs = performance.now();
  for (;;) {
    try {
      return await renew(client, id, signal);
    } catch (error) {
      const isOver = performance.now() >= endMs || isEngineError(error, "LEASE_NOT_FOUND");
      if (isOver || !isEngineError(error)) throw error;
      await pause((endMs - startMs) * repeatShare, undefined, { signal });
    }
  }
}

/** A lease that is not there is an answer, as a key that is not. */
async function orNotFound(
  id: number,
  options: RemoteOptions,
  io: CliIo,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    if (!isEngineError(error, "LEASE_NOT_FOUND")) throw error;
    return notFound(id, options, io);
  }
}

function notFound(id: number, { json }: RemoteOptions, io: CliIo): ExitCode {
  if (json) io.out(`${JSON.stringify({ id, found: false })}\n`);
  else io.err(`d-engine: no lease ${id}: never granted, revoked or expired`);
  return EXIT.negative;
}
