import { fileURLToPath } from "node:url";
import { AskedProcess } from "./asked-process.js";
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

/** What a subject's process is told; each is answered with one `SubjectAnswer`. */
export type SubjectRequest =
  | { readonly kind: "start"; readonly setup: SubjectSetup }
  | { readonly kind: "puts"; readonly callers: number; readonly durationMs: number }
  | { readonly kind: "reads"; readonly repetitions: number; readonly durationMs: number }
  | { readonly kind: "stop" };

/** What was measured; nothing of the requests that measure nothing. */
export interface SubjectAnswer {
  readonly load?: LoadResult;
  readonly reads?: readonly ReadResult[];
}

/** One subject in a process of its own. One request at a time; between requests it is idle. */
export class Subject {
  readonly name: SubjectName;
  readonly #process: AskedProcess<SubjectRequest, SubjectAnswer>;

  private constructor(name: SubjectName) {
    this.name = name;
    const program = fileURLToPath(new URL("./subject-process.js", import.meta.url));
    this.#process = new AskedProcess(name, program);
  }

  /** Starts the process and opens its store, filled with every key. */
  static async start(setup: SubjectSetup): Promise<Subject> {
    const subject = new Subject(setup.name);
    await subject.#process.ask({ kind: "start", setup });
    return subject;
  }

  /** Runs one repetition. */
  async puts(callers: number, durationMs: number): Promise<LoadResult> {
    const { load } = await this.#process.ask({ kind: "puts", callers, durationMs });
    if (load === undefined) throw new Error(`${this.name} did not measure puts`);
    return load;
  }

  async reads(repetitions: number, durationMs: number): Promise<readonly ReadResult[]> {
    const { reads } = await this.#process.ask({ kind: "reads", repetitions, durationMs });
    if (reads === undefined) throw new Error(`${this.name} did not measure reads`);
    return reads;
  }

  async stop(): Promise<void> {
    await this.#process.ask({ kind: "stop" });
    await this.#process.end();
  }
}
