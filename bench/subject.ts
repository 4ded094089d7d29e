import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadResult } from "./callers.js";
import type { ReadResult } from "./reads.js";

/** What is compared: the engine, and the two forms of the raw limit. */
export const SUBJECTS = ["raw limit", "raw, in place", "engine"] as const;
export type SubjectName = (typeof SUBJECTS)[number];

export interface SubjectSetup {
  readonly name: SubjectName;
  /** Its own, on the disk to be measured. */
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
}

/** What a subject's process is told; it answers each with one `SubjectAnswer`. */
export type SubjectRequest =
  | { readonly kind: "start"; readonly setup: SubjectSetup }
  | { readonly kind: "puts"; readonly callers: number; readonly durationMs: number }
  | { readonly kind: "reads"; readonly repetitions: number; readonly durationMs: number }
  | { readonly kind: "stop" };

export type SubjectAnswer =
  | { readonly kind: "done"; readonly load?: LoadResult; readonly reads?: readonly ReadResult[] }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * One subject in a process of its own, so that no subject pays for the garbage of another. One
 * request at a time; between requests it is idle.
 */
export class Subject {
  readonly name: SubjectName;
  readonly #child: ChildProcess;

  private constructor(name: SubjectName) {
    this.name = name;
    this.#child = fork(fileURLToPath(new URL("./subject-process.js", import.meta.url)));
  }

  /** Starts the process and opens its store, filled with every key. */
  static async start(setup: SubjectSetup): Promise<Subject> {
    const subject = new Subject(setup.name);
    await subject.#ask({ kind: "start", setup });
    return subject;
  }

  /** Runs one repetition. */
  async puts(callers: number, durationMs: number): Promise<LoadResult> {
    const { load } = await this.#ask({ kind: "puts", callers, durationMs });
    if (load === undefined) throw new Error(`${this.name} did not measure puts`);
    return load;
  }

  async reads(repetitions: number, durationMs: number): Promise<readonly ReadResult[]> {
    const { reads } = await this.#ask({ kind: "reads", repetitions, durationMs });
    if (reads === undefined) throw new Error(`${this.name} did not measure reads`);
    return reads;
  }

  async stop(): Promise<void> {
    await this.#ask({ kind: "stop" });
  }

  #ask(request: SubjectRequest): Promise<Extract<SubjectAnswer, { kind: "done" }>> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`${this.name} ended: ${code}`));
      this.#child.once("exit", ended);
      this.#child.once("message", (answer: SubjectAnswer) => {
        this.#child.off("exit", ended);
        if (answer.kind === "done") resolve(answer);
        else reject(new Error(`${this.name}: ${answer.reason}`));
      });
      this.#child.send(request);
    });
  }
}
