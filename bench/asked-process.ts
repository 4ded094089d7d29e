import { type ChildProcess, fork } from "node:child_process";

/** What a child answers to each request; `failed` carries the stack. */
export type ChildAnswer<Answer> =
  | { readonly kind: "done"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * A child process that answers one request at a time, so that what is measured in it does not pay
 * for the garbage of others. The other side is `answerRequests`.
 */
export class AskedProcess<Request, Answer> {
  readonly name: string;
  readonly #child: ChildProcess;

  /** `program` is the path of a compiled module that calls `answerRequests`. */
  constructor(name: string, program: string, execArgv: readonly string[] = []) {
    this.name = name;
    this.#child = fork(program, { execArgv: [...execArgv] });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.#child.pid;
  }

  /** Rejects when the child fails or ends; a second request must wait for the first. */
  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`${this.name} ended: ${code}`));
      this.#child.once("exit", ended);
      this.#child.once("message", (answer: ChildAnswer<Answer>) => {
        this.#child.off("exit", ended);
        if (answer.kind === "done") resolve(answer.answer);
        else reject(new Error(`${this.name}: ${answer.reason}`));
      });
      this.#child.send(request as object);
    });
  }

  /** Closes the channel to the child, which ends once it has nothing else to do. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }

  /** At once, and whatever it does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** In the child: answers each request with what `handle` resolves to, until the parent lets go. */
export function answerRequests<Request, Answer>(
  handle: (request: Request) => Promise<Answer>,
): void {
  const failed = (error: unknown): ChildAnswer<Answer> => ({
    kind: "failed",
    reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  process.on("message", (request: Request) => {
    handle(request)
      .then((answer): ChildAnswer<Answer> => ({ kind: "done", answer }), failed)
      .then((answer) => process.send?.(answer));
  });
  process.on("disconnect", () => process.exit());
}
