import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AskedProcess } from "../asked-process.js";
import { freeAddresses } from "./free-addresses.js";
import {
  type LoadAnswer,
  type LoadFigures,
  type LoadRequest,
  OPERATIONS,
  type Operation,
  type Target,
} from "./operations.js";
import type { Subject, SubjectName, System, SystemOptions } from "./system.js";

type LoadProcess = AskedProcess<LoadRequest, LoadAnswer>;

const loadProgram = fileURLToPath(new URL("./load-process.js", import.meta.url));
const leaderTimeoutMs = 60_000;
const leaderPollMs = 20;

/** Starts a process that puts load on `target`. */
export async function startLoadProcess(
  name: string,
  target: Target,
  { keys, valueBytes, profileDir }: Omit<SystemOptions, "folder">,
): Promise<LoadProcess> {
  const profiling =
    profileDir === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${name}.cpuprofile`];
  const started: LoadProcess = new AskedProcess(name, loadProgram, profiling);
  try {
    await started.ask({ kind: "open", target, keys, valueBytes });
    return started;
  } catch (error) {
    started.kill();
    throw error;
  }
}

/** Thrown when another node led at the end of a load than at its beginning. */
export class LeaderMoved extends Error {
  override readonly name = "LeaderMoved";
}

/** Three processes with an embedded engine each, and a fourth that reaches them by the client. */
export class DEngineSystem implements System {
  readonly #members: readonly LoadProcess[];
  readonly #client: LoadProcess;

  private constructor(members: readonly LoadProcess[], client: LoadProcess) {
    this.#members = members;
    this.#client = client;
  }

  static async start(options: SystemOptions): Promise<DEngineSystem> {
    const endpoints = await freeAddresses(3);
    const initialCluster = endpoints.map((address, at) => `${at + 1}=${address}`).join(",");
    const members = await Promise.all(
      endpoints.map((_, at) => {
        const nodeId = at + 1;
        const dataDir = join(options.folder, `node-${nodeId}`);
        const target: Target = { kind: "member", nodeId, initialCluster, dataDir };
        return startLoadProcess(`node-${nodeId}`, target, options);
      }),
    );
    try {
      const client = await startLoadProcess("client", { kind: "client", endpoints }, options);
      const system = new DEngineSystem(members, client);
      await (await system.#leader()).ask({ kind: "fill" });
      return system;
    } catch (error) {
      for (const member of members) member.kill();
      throw error;
    }
  }

  get pids(): readonly number[] {
    return [...this.#members, this.#client].map(({ pid }) => pid);
  }

  get subjects(): readonly Subject[] {
    return [
      this.#subject("embedded, leader", (leader) => leader),
      this.#subject("embedded, follower", (leader) => {
        return this.#members[(this.#members.indexOf(leader) + 1) % this.#members.length]!;
      }),
      this.#subject("client", () => this.#client),
    ];
  }

  /** Lets every process end in good order, with its profile written. */
  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.#client, ...this.#members];
    for (const started of all) {
      await started.ask({ kind: "close" }).catch(() => started.kill());
      await started.end();
    }
  }

  #subject(name: SubjectName, choose: (leader: LoadProcess) => LoadProcess): Subject {
    const load = async (operation: Operation, callers: number, durationMs: number) => {
      const leader = await this.#leader();
      const chosen = choose(leader);
      const answer = await chosen.ask({ kind: "load", operation, callers, durationMs });
      if ((await this.#leader()) !== leader) throw new LeaderMoved(`during ${operation}, ${name}`);
      return figuresOf(chosen, answer);
    };
    return { name, operations: OPERATIONS, load };
  }

  /** The member that leads by its own account and that of the others. */
  async #leader(): Promise<LoadProcess> {
    const untilMs = performance.now() + leaderTimeoutMs;
    while (performance.now() < untilMs) {
      const answers = await Promise.all(this.#members.map((each) => each.ask({ kind: "leader" })));
      const named = new Set(answers.map(({ leaderId }) => leaderId));
      const [leaderId] = named;
      if (named.size === 1 && leaderId !== undefined) return this.#members[leaderId - 1]!;
      await pause(leaderPollMs);
    }
    throw new Error(`the members agree on no leader within ${leaderTimeoutMs} ms`);
  }
}

/** The figures of an answer to `load`. */
export function figuresOf({ name }: { readonly name: string }, answer: LoadAnswer): LoadFigures {
  if (answer.load === undefined) throw new Error(`${name} measured nothing`);
  return answer.load;
}
