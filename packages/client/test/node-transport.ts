import { decodeWriteCommand, encodeCommandResult, type WriteCommand } from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import type { RunningKvNode } from "../../server/src/driver/testing/start-kv-node.js";
import type { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import type {
  ClientTransport,
  TransportAnswer,
  TransportCallOptions,
  TransportMethod,
  TransportRequest,
  TransportRequestOf,
} from "../src/index.js";

type Answer = TransportAnswer<"write">;

/** What happens to one write on its way to a node, or to the answer on its way back. */
export type Fate = "served" | "answer lost" | "never arrives" | "held";

/** Carries writes to nodes of this process, as they ship, over a network of which a test decides. */
export class NodeTransport implements ClientTransport {
  readonly #clock: VirtualClock;
  readonly #nodes: ReadonlyMap<string, RunningKvNode>;
  /** Of every write that was sent. */
  readonly sent: WriteCommand[] = [];
  readonly #held: (() => void)[] = [];
  fateOf: (command: WriteCommand) => Fate = () => "served";

  constructor(clock: VirtualClock, nodes: ReadonlyMap<string, RunningKvNode>) {
    this.#clock = clock;
    this.#nodes = nodes;
  }

  /** Lets what was held arrive. */
  release(): void {
    for (const arrive of this.#held.splice(0)) arrive();
  }

  get held(): number {
    return this.#held.length;
  }

  call<Method extends TransportMethod>(
    address: string,
    request: TransportRequestOf<Method>,
    { timeoutMs, signal }: TransportCallOptions,
  ): Promise<TransportAnswer<Method>> {
    return new Promise<Answer>((resolve) => {
      const fail = (kind: "deadline" | "aborted"): void =>
        resolve({ kind: "failed", failure: { kind, message: `${address}: ${kind}` } });
      this.#clock.setTimer(timeoutMs, () => fail("deadline"));
      signal?.addEventListener("abort", () => fail("aborted"), { once: true });
      // A millisecond each way.
      this.#clock.setTimer(1, () => void this.#serve(address, request, resolve));
    }) as Promise<TransportAnswer<Method>>;
  }

  async #serve(
    address: string,
    request: TransportRequest,
    resolve: (answer: Answer) => void,
  ): Promise<void> {
    if (request.kind !== "write") throw new Error(`unexpected ${request.kind}`);
    const command = decodeWriteCommand(request.command);
    if (command.kind === "none") throw new Error("a command of no kind");
    this.sent.push(command);
    const fate = this.fateOf(command);
    if (fate === "never arrives") return;
    if (fate === "held") await new Promise<void>((arrive) => this.#held.push(arrive));
    const answer = await this.#execute(address, request.command);
    this.#clock.setTimer(1, () => {
      if (fate !== "answer lost") resolve(answer);
      else resolve({ kind: "failed", failure: { kind: "lost", message: `${address}: broken` } });
    });
  }

  async #execute(address: string, command: Uint8Array): Promise<Answer> {
    const node = this.#nodes.get(address)?.node;
    if (node === undefined) throw new Error(`no node at ${address}`);
    try {
      const { detail, ...rest } = await node.write(new Uint8Array(command), { timeoutMs: 60_000 });
      const result = { ...rest, detail: detail && encodeCommandResult(detail) };
      return { kind: "answered", result };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const { code, message, leader } = error;
      return { kind: "failed", failure: { kind: "refused", code, message, leader } };
    }
  }

  open(): never {
    throw new Error("no streams in this test");
  }

  retain = (): void => undefined;

  close = async (): Promise<void> => undefined;
}
