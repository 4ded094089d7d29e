import type { MembershipChange } from "@d-engine/core";
import { EngineError } from "@d-engine/core";
import { admin, cluster } from "@d-engine/proto";
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { failureOfStatus } from "../call-failure.js";
import {
  type ConnectOptions,
  type ResolvedConnectOptions,
  resolveConnectOptions,
} from "../connect-options.js";
import { leaderOf } from "../discovery.js";
import type { CallOptions } from "../engine-client.js";
import { asBuffer, asIs, pathOf } from "../grpc-bytes.js";
import { systemClock, systemRandom } from "../internal/system-clock.js";
import { errorOfFailure } from "../retrying-caller.js";
import { decodeAnswer, encodeRequest } from "../wire-messages.js";
import { AdminCaller } from "./admin-caller.js";
import {
  additionOf,
  checkedId,
  decodeChanged,
  decodePiece,
  decodeSaved,
  encodeChange,
  encodeSnapshotRequest,
  encodeTransfer,
  infoOf,
  promotionOf,
  removalOf,
} from "./admin-messages.js";
import { sealedBackup } from "./backup.js";
import type {
  ChangeOptions,
  ClusterAdmin,
  ClusterMembers,
  MembersChanged,
  NewMember,
  SnapshotInfo,
  SnapshotOptions,
} from "./cluster-admin.js";

/**
 * The administration of a cluster that is reached through any of its nodes. Nothing is asked
 * before the first call.
 *
 * @throws EngineError `INVALID_ADDRESS` or `INVALID_REQUEST` for arguments that cannot be used
 * @example
 * await using admin = connectAdmin(["127.0.0.1:9081"]);
 * await admin.transferLeadership(2);
 */
export function connectAdmin(
  endpoints: readonly string[],
  options: ConnectOptions = {},
): ClusterAdmin {
  return new RemoteAdmin(resolveConnectOptions(endpoints, options));
}

/** Silence after which a download is given up; making the snapshot is a part of it. */
const silenceMs = 120_000;

class RemoteAdmin implements ClusterAdmin {
  readonly #options: ResolvedConnectOptions;
  readonly #caller: AdminCaller;

  constructor(options: ResolvedConnectOptions) {
    this.#options = options;
    this.#caller = new AdminCaller(options, { clock: systemClock, random: systemRandom });
  }

  async members(options: CallOptions = {}): Promise<ClusterMembers> {
    const { timeoutMs = this.#options.timeoutMs } = options;
    const sinceMs = systemClock.nowMs();
    const asked = this.#caller.cache.leader?.address;
    const view = await this.#view(options);
    const leader = leaderOf(view);
    // Any node answers, but one that does not lead may not have applied the newest change yet: who
    // has just added a member would not find it.
    if (leader === undefined || leader.address === asked) return view;
    const leftMs = timeoutMs - (systemClock.nowMs() - sinceMs);
    return await this.#view({ ...options, timeoutMs: Math.max(1, leftMs) });
  }

  async #view(options?: CallOptions): Promise<ClusterMembers> {
    const request = { kind: "metadata" } as const;
    const view = await this.#caller.run(
      {
        operation: "read",
        route: "leader",
        path: pathOf(cluster.ClusterManagementService.method.getClusterMetadata),
        body: encodeRequest(request),
        decode: (body) => decodeAnswer(request, body) as ClusterMembers,
      },
      options,
    );
    this.#caller.cache.learn(view.members, leaderOf(view));
    return view;
  }

  async addMember(member: NewMember, options?: ChangeOptions): Promise<MembersChanged> {
    return await this.#change(additionOf(member), options);
  }

  async removeMember(
    ids: number | readonly number[],
    options?: ChangeOptions,
  ): Promise<MembersChanged> {
    return await this.#change(removalOf(ids), options);
  }

  async promoteMember(
    ids: number | readonly number[],
    options?: ChangeOptions,
  ): Promise<MembersChanged> {
    return await this.#change(promotionOf(ids), options);
  }

  async transferLeadership(id: number, options?: CallOptions): Promise<void> {
    await this.#caller.run(
      {
        operation: "write",
        route: "leader",
        path: pathOf(admin.AdminService.method.transferLeadership),
        body: encodeTransfer(checkedId(id)),
        decode: () => undefined,
      },
      options,
    );
  }

  saveSnapshot(options: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.#caller.run(
      {
        operation: "read",
        route: "any",
        path: pathOf(admin.AdminService.method.saveSnapshot),
        body: encodeSnapshotRequest(options.consistency === "eventual"),
        decode: decodeSaved,
      },
      options,
    );
  }

  async *downloadSnapshot(options: SnapshotOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const address = this.#caller.cache.pick("any");
    const client = await this.#caller.connected(address, options.timeoutMs ?? silenceMs);
    const call = client.makeServerStreamRequest(
      pathOf(admin.AdminService.method.downloadSnapshot),
      asBuffer,
      asIs,
      encodeSnapshotRequest(options.consistency === "eventual"),
      await this.#caller.metadata(address, options.timeoutMs ?? silenceMs),
      options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const messages = readAll(call)[Symbol.asyncIterator]();
      const first = await messages.next();
      if (first.done) throw new EngineError("INVALID_RESPONSE", `${address}: no snapshot was sent`);
      const { checksum } = infoOf(decodePiece(first.value).snapshot);
      yield* sealedBackup(dataOf(messages), checksum);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isServiceError(error)) throw error;
      const failure = errorOfFailure(failureOfStatus(address, error), "read");
      this.#caller.learn(address, failure);
      throw failure;
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.on("error", () => undefined); // of a call that nobody reads any more
      call.cancel();
    }
  }

  async close(): Promise<void> {
    this.#caller.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #change(change: MembershipChange, options: ChangeOptions = {}): Promise<MembersChanged> {
    return this.#caller.run(
      {
        operation: "write",
        route: "leader",
        path: pathOf(cluster.ClusterManagementService.method.updateClusterConf),
        body: encodeChange(change, options.version),
        decode: decodeChanged,
      },
      { timeoutMs: this.#options.timeoutMs, ...options },
    );
  }
}

/** The messages in order; the call is cancelled when none comes for a while. */
async function* readAll(call: ClientReadableStream<Buffer>): AsyncGenerator<Uint8Array, void> {
  const silence = setTimeout(() => call.cancel(), silenceMs).unref();
  try {
    for await (const message of call) {
      silence.refresh();
      yield message as Uint8Array;
    }
  } finally {
    clearTimeout(silence);
  }
}

async function* dataOf(messages: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const next = await messages.next();
    if (next.done === true) return;
    yield decodePiece(next.value).data;
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "details" in error && "metadata" in error;
}
