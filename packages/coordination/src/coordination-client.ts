import type { EngineClient } from "@d-engine/client";

/** What the recipes stand on: every client of an engine, embedded or remote. */
export type CoordinationClient = EngineClient;
