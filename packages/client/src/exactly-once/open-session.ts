import { type Clock, EngineError } from "@d-engine/core";
import type { AbstractKvClient } from "../kv/abstract-kv-client.js";
import { checkTtl } from "../kv/ttl.js";
import { checkTimeout } from "../retrying-caller.js";
import { ClientSession } from "./client-session.js";
import { repeat } from "./repeat.js";
import { SESSION_DEFAULTS, type SessionOptions } from "./session-options.js";

/** Sessions that one client keeps at the same time. */
const sessionsMax = 1_000;

/** What opening a session needs of its client. */
export interface SessionHost {
  readonly client: AbstractKvClient;
  readonly clock: Clock;
  /** Those of the client. */
  readonly sessions: Set<{ abandon(): void }>;
}

/** A session whose grant was not answered is none: another one is asked for, that one expires. */
export async function openSession(
  { client, clock, sessions }: SessionHost,
  options: SessionOptions = {},
): Promise<ClientSession> {
  const { signal } = options;
  const asked = checkTtl(options.ttlMs) ?? SESSION_DEFAULTS.ttlMs;
  const deadlineMs = clock.nowMs() + checkTimeout(options.timeoutMs ?? asked);
  signal?.throwIfAborted();
  if (sessions.size >= sessionsMax) {
    const message = `${sessionsMax} sessions are open in this client; close some`;
    throw new EngineError("RATE_LIMITED", message);
  }
  const grant = { kind: "leaseGrant", id: 0, ttlMs: asked, session: true } as const;
  const { detail } = await repeat(
    (timeoutMs) => client.execute(grant, { timeoutMs, ...(signal && { signal }) }),
    { clock, deadlineMs, signal },
  );
  if (detail?.kind !== "lease") {
    const message = "a grant was answered without a lease";
    throw new EngineError("INVALID_RESPONSE", message, { outcome: "unknown" });
  }
  const { id, ttlMs } = detail;
  const onEnd = (ended: ClientSession): void => void sessions.delete(ended);
  const session = new ClientSession({ client, clock, id, ttlMs, onEnd });
  sessions.add(session);
  return session;
}
