import {
  type AuthAdmin,
  type AuthPort,
  type AuthRequest,
  type CallOptions,
  connectAuthPort,
  PortAuthAdmin,
} from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { create, auth as proto } from "@d-engine/proto";
import type { LocalNode } from "../driver/local-node.js";
import type { NodeSecurity } from "../security/node-security.js";
import type { Attempts } from "./attempts.js";
import { changeUsers } from "./change-users.js";
import { describeUsers } from "./describe-users.js";
import { ProgramToken } from "./program-token.js";

/** Users and roles of the cluster, from one of its nodes in this process, which may change them. */
export function embeddedAuth(
  node: LocalNode,
  attempts: Attempts,
  security: Pick<NodeSecurity, "clientTls">,
  timeoutMs: number,
): AuthAdmin {
  return new PortAuthAdmin(new EmbeddedAuthPort(node, attempts, security, timeoutMs));
}

/** Changes go to the leader, whichever node that is. */
class EmbeddedAuthPort implements AuthPort {
  readonly #node: LocalNode;
  readonly #attempts: Attempts;
  readonly #security: Pick<NodeSecurity, "clientTls">;
  readonly #timeoutMs: number;

  constructor(
    node: LocalNode,
    attempts: Attempts,
    security: Pick<NodeSecurity, "clientTls">,
    timeoutMs: number,
  ) {
    this.#node = node;
    this.#attempts = attempts;
    this.#security = security;
    this.#timeoutMs = timeoutMs;
  }

  async change(request: AuthRequest, options?: CallOptions): Promise<{ readonly token: string }> {
    const timed = { timeoutMs: this.#timeoutMs, ...options };
    const message = create(proto.ChangeRequestSchema, request);
    try {
      return await changeUsers(this.#node, this.#attempts, message, timed);
    } catch (error) {
      if (!isEngineError(error, "NOT_LEADER")) throw error;
      return await this.#elsewhere(request, timed, error);
    }
  }

  describe(options?: CallOptions): Promise<proto.DescribeResponse> {
    return describeUsers(this.#node, { timeoutMs: this.#timeoutMs, ...options });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What surely had no effect here is asked of the others; rare enough for a connection each. */
  async #elsewhere(
    request: AuthRequest,
    options: CallOptions,
    refusal: Error,
  ): Promise<{ readonly token: string }> {
    const { configuration, nodeId } = this.#node.status();
    const others = configuration.members.filter(({ id }) => id !== nodeId);
    if (others.length === 0) throw refusal;
    const token = new ProgramToken(this.#node);
    const addresses = others.map(({ address }) => address);
    const remote = connectAuthPort(addresses, {
      token: () => token.current(),
      tls: this.#security.clientTls,
    });
    try {
      return await remote.change(request, options);
    } finally {
      await remote.close();
    }
  }
}
