import type { Random } from "@d-engine/core";
import type { SimulatedFile } from "./simulated-file.js";

/** One change of names; a rename is one change. */
interface NameChange {
  readonly removes: string | undefined;
  readonly sets: { readonly name: string; readonly file: SimulatedFile } | undefined;
}

/** The names in one simulated directory: as seen, and as a power loss would leave them. */
export class SimulatedDirectory {
  #names = new Map<string, SimulatedFile>();
  #durable = new Map<string, SimulatedFile>();
  #unsynced: NameChange[] = [];

  names(): readonly string[] {
    return [...this.#names.keys()];
  }

  get(name: string): SimulatedFile | undefined {
    return this.#names.get(name);
  }

  set(name: string, file: SimulatedFile): void {
    this.#change({ removes: undefined, sets: { name, file } });
  }

  remove(name: string): void {
    this.#change({ removes: name, sets: undefined });
  }

  rename(from: string, to: string): void {
    const file = this.#names.get(from)!;
    this.#change({ removes: from, sets: { name: to, file } });
  }

  sync(): void {
    this.#durable = new Map(this.#names);
    this.#unsynced = [];
  }

  /** Each change that was not synced is on the medium, or is not. */
  powerLoss(random: Random): void {
    for (const change of this.#unsynced) {
      if (random.next() < 0.5) apply(this.#durable, change);
    }
    this.#names = new Map(this.#durable);
    this.#unsynced = [];
  }

  files(): Iterable<SimulatedFile> {
    return new Set([...this.#names.values(), ...this.#durable.values()]);
  }

  /** Bytes of the files that have a name. */
  get bytes(): number {
    let bytes = 0;
    for (const file of this.#names.values()) bytes += file.size;
    return bytes;
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#unsynced.push(change);
  }
}

function apply(names: Map<string, SimulatedFile>, change: NameChange): void {
  if (change.removes !== undefined) names.delete(change.removes);
  if (change.sets !== undefined) names.set(change.sets.name, change.sets.file);
}
