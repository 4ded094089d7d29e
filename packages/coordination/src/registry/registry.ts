import type { CallOptions } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { type Codec, jsonCodec } from "../map/codec.js";
import { LiveMap } from "../map/live-map.js";
import type { MapOptions } from "../map/map-options.js";
import { ownershipsOf } from "../ownership/ownerships.js";
import { recipePrefix } from "../recipe-keys.js";
import { portsOf } from "../recipe-ports.js";
import { Registration } from "./registration.js";

/** Options of `register`. Signal and timeout bound the wait for the first announcement. */
export interface RegisterOptions extends CallOptions {
  /**
   * Milliseconds after which an instance that died is gone, 1,000 to 86,400,000.
   * @defaultValue 10000
   */
  readonly ttlMs?: number;
  /**
   * How the value becomes bytes.
   * @defaultValue JSON
   */
  readonly codec?: Codec;
}

/** The live instances of a service, by id: what `LiveMap` has for reading. */
export type Services<T> = Pick<
  LiveMap<T>,
  | "state"
  | "revision"
  | "invalid"
  | "size"
  | "get"
  | "has"
  | "keys"
  | "entries"
  | "ready"
  | "at"
  | "changes"
  | "close"
> &
  AsyncDisposable &
  Iterable<[string, T]>;

const idCharsMax = 200;

/**
 * Announces an instance of a service, for as long as this process lives; resolves when it is durable,
 * and the instance can be found. Two with one id: the later one replaces the earlier.
 *
 * @example
 * await using me = await register(client, "api", "api-1", { url: "http://10.0.0.7:8080" });
 * @throws EngineError `INVALID_REQUEST` for names and values that are none; `WAIT_TIMEOUT`
 */
export async function register<T>(
  client: CoordinationClient,
  service: string,
  id: string,
  value: T,
  options: RegisterOptions = {},
): Promise<Registration<T>> {
  const { ttlMs, codec = jsonCodec, ...bounds } = options;
  if (typeof id !== "string" || id === "" || id.length > idCharsMax) {
    const message = `the id of an instance is a string of 1 to ${idCharsMax} characters`;
    throw new EngineError("INVALID_REQUEST", message);
  }
  const registration = new Registration<T>({
    ports: portsOf(client),
    ownerships: ownershipsOf(client, ttlMs),
    what: `instance ${JSON.stringify(id)} of ${JSON.stringify(service)}`,
    key: `${instancesOf(service)}${id}`,
    value: codec.encode(value),
    encode: (next) => codec.encode(next),
  });
  try {
    await registration.ready(bounds);
    return registration;
  } catch (error) {
    await registration.close();
    throw error;
  }
}

/**
 * The live instances of a service as a map by id, kept by a watch: reads are synchronous. An instance
 * that dies is gone when its lease has ended; one that says goodbye, at once.
 *
 * @example
 * await using services = discover<{ url: string }>(client, "api");
 * await services.ready();
 * const urls = [...services].map(([, { url }]) => url);
 * for await (const { changes } of services.changes()) console.log(changes);
 */
export function discover<T>(
  client: CoordinationClient,
  service: string,
  options?: MapOptions<T>,
): Services<T> {
  return new LiveMap<T>(portsOf(client), instancesOf(service), options);
}

function instancesOf(service: string): string {
  return `${recipePrefix("service", service)}instances/`;
}
