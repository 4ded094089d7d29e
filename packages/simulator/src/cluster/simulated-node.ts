import {
  type BatchId,
  type Entry,
  type HardState,
  InvariantViolation,
  isEngineError,
  LOG_ORIGIN,
  type LogIndex,
  type Member,
  type NodeId,
  type NodeIdentity,
  type OpenedStorage,
  type RaftOptions,
  type RaftStatus,
  type StateMachine,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import {
  Driver,
  type DriverMetrics,
  type DriverOptions,
  KvNode,
  kvStamps,
  type Logger,
} from "@d-engine/server/driver";
import { tableCrc32 } from "@d-engine/storage";
import type { NodeMirror } from "../checkers/node-mirror.js";
import type { Witness } from "../checkers/witness.js";
import type { NodeDisk } from "../disk/node-disk.js";
import type { Network } from "../network/network.js";
import type { Prng } from "../prng.js";
import { Process } from "../world/process.js";
import { type ClockState, ProcessClock, type StallProfile } from "../world/process-clock.js";
import type { World } from "../world/world.js";
import type { CoverageName } from "./coverage.js";
import { addressOf, isInjected } from "./node-outside.js";
import { observeStorage } from "./observed-storage.js";
import type { MachineWatch } from "./observed-store.js";
import { type PulledSnapshot, pullSnapshot } from "./pull-snapshot.js";

/** A state machine that tells checkers what it applies, and in which state it is. */
export interface ObservedMachine extends StateMachine<unknown> {
  /** Equal for equal states; `undefined` when it compares states by itself. */
  stateHash(): string | undefined;
}

/** Makes the empty state machine of a process that starts on `nodeId`. */
export type CreateMachine = (nodeId: number, watch: MachineWatch) => ObservedMachine;

export interface SimulatedNodeSetup {
  readonly id: number;
  readonly members: readonly Member[];
  readonly world: World;
  readonly network: Network;
  /** An empty disk of the node's machine, and who remembers what it must hold. */
  readonly createDirectory: (number: number) => Directory;
  /** Whether it is one of the first members; the others join. */
  readonly enrolled: boolean;
  readonly witness: Witness;
  readonly raftOptions: RaftOptions;
  readonly driverOptions: DriverOptions;
  readonly stalls: StallProfile;
  readonly random: Prng;
  readonly createMachine: (watch: MachineWatch) => ObservedMachine;
  /** Told before each event inside one of the node's processes. */
  readonly entered: (node: SimulatedNode) => void;
  readonly onLog: (node: SimulatedNode, message: string) => void;
  /** Told of each rare branch that was taken. */
  readonly seen: (branch: CoverageName) => void;
  /** The state is one that a snapshot holds: it was taken from it just now, or put into one. */
  readonly onState: (node: SimulatedNode, machine: ObservedMachine) => void;
  /** What the node counted, when its process ends. */
  readonly onMetrics: (metrics: DriverMetrics) => void;
  /** The process ended by itself, in order or by a failure. */
  readonly onEnded: (node: SimulatedNode) => void;
}

/** A data directory, as checkers see it. */
export interface Directory {
  readonly disk: NodeDisk;
  readonly mirror: NodeMirror;
}

/** One member: the production driver and a state machine in a process that can be killed and started. */
export class SimulatedNode {
  readonly id: number;
  readonly clock: ClockState = { rate: 1, wallOffsetMs: 0 };
  /** The node's status before the event in hand; for checkers that compare. */
  statusBefore: RaftStatus | undefined;
  readonly #setup: SimulatedNodeSetup;
  #process: Process | undefined;
  #driver: Driver<unknown> | undefined;
  #machine: ObservedMachine | undefined;
  #kv: KvNode | undefined;
  #incarnation = 0;
  #damaged: "unnoticed" | "refused" | undefined;
  #directory: Directory;
  #directories = 1;
  /** The entry that admitted the present directory; `undefined` while it is of no member. */
  #joinedAt: LogIndex | undefined;
  #removed = false;
  /** The directory is being filled before the first start. */
  #preparing = false;

  constructor(setup: SimulatedNodeSetup) {
    this.#setup = setup;
    this.id = setup.id;
    this.#directory = setup.createDirectory(1);
    this.#joinedAt = setup.enrolled ? LOG_ORIGIN.index : undefined;
  }

  /** The running process, whether or not the node in it has recovered yet. */
  get process(): Process | undefined {
    return this.#process?.alive === true ? this.#process : undefined;
  }

  /** The driver, once it can be called. */
  get driver(): Driver<unknown> | undefined {
    return this.process === undefined ? undefined : this.#driver;
  }

  /** The state that the driver feeds. */
  get machine(): ObservedMachine | undefined {
    return this.process === undefined ? undefined : this.#machine;
  }

  /** The key-value operations of the node, when that is its state machine. */
  get kv(): KvNode | undefined {
    return this.process === undefined ? undefined : this.#kv;
  }

  /** Where clients find the node; no socket listens there. */
  get address(): string {
    return addressOf(this.id);
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get mirror(): NodeMirror {
    return this.#directory.mirror;
  }

  get disk(): NodeDisk {
    return this.#directory.disk;
  }

  /** Whether the log of this node was damaged: it must never come up again. */
  get isDamaged(): boolean {
    return this.#damaged !== undefined;
  }

  /** Whether its directory is that of a member, of one that was removed perhaps. */
  get isEnrolled(): boolean {
    return this.#joinedAt !== undefined;
  }

  /** Whether it has stopped because it was removed. */
  get isRemoved(): boolean {
    return this.#removed;
  }

  /** Its process, if any, is killed, and its data directory deleted for good. */
  retire(): void {
    this.crash("process");
    this.#directories += 1;
    this.#directory = this.#setup.createDirectory(this.#directories);
    this.#joinedAt = undefined;
    this.#removed = false;
    this.#preparing = false;
    this.#damaged = undefined;
    this.#setup.network.replaced(this.id);
  }

  /**
   * The cluster has admitted the node by this entry, or one before, with the directory that it has
   * now. With `source`, that one's newest snapshot is copied into it, as far as that goes.
   */
  async prepareJoin(joinedAt: LogIndex, source: SimulatedNode | undefined): Promise<void> {
    this.#joinedAt = joinedAt;
    this.#setup.world.note("enrolled", this.id, joinedAt);
    if (source === undefined) return;
    this.#preparing = true;
    const directory = this.#directory;
    const pulled = await pullSnapshot(source);
    const goesOn = this.#preparing && directory === this.#directory;
    if (goesOn && pulled !== undefined) await this.#keep(pulled);
    if (directory === this.#directory) this.#preparing = false;
  }

  async #keep({ label, content }: PulledSnapshot): Promise<void> {
    const { disk, mirror } = this.#directory;
    const process = new Process(this.#setup.world, this.id, 0, () => undefined);
    try {
      const opened = await this.#openAlone(process);
      const writer = await opened.snapshots?.receive(label);
      await writer?.write(content);
      await writer?.commit();
      mirror.saved(label.lastIncluded);
      await opened.close();
      this.#setup.seen("snapshot pulled by a node that joins");
    } catch (error) {
      if (!isInjected(error)) throw error;
    }
    process.kill();
    disk.processEnded();
  }

  /** Opens the directory for preparations, without a node in it. */
  async #openAlone(process: Process): Promise<OpenedStorage> {
    const { random, stalls } = this.#setup;
    const clock = new ProcessClock(process, this.clock, stalls, random.split("preparation"));
    return this.disk.open(process, clock, { createIdentity: () => this.#identity() });
  }

  /** Starts a process unless one runs, or the log is known to be damaged. Takes simulated time. */
  start(): void {
    if (this.process !== undefined || this.#damaged === "refused") return;
    if (!this.isEnrolled || this.#removed || this.#preparing) return;
    const { world, entered } = this.#setup;
    this.#incarnation += 1;
    const process = new Process(world, this.id, this.#incarnation, () => entered(this));
    this.#process = process;
    this.#driver = undefined;
    this.#machine = undefined;
    this.#kv = undefined;
    this.statusBefore = undefined;
    world.note("start", this.id, this.#incarnation);
    process.enter(() => this.#run(process));
  }

  /** Writes a log before the first start, for scripts that begin in the middle of a story. */
  async prepareLog(hardState: HardState, entries: readonly Entry[]): Promise<void> {
    const { world } = this.#setup;
    const { disk, mirror } = this.#directory;
    const process = new Process(world, this.id, 0, () => undefined);
    const opened = await this.#openAlone(process);
    const write = { batch: 1 as BatchId, hardState, entries, commitIndex: LOG_ORIGIN.index };
    await new Promise<void>((persisted, failed) => {
      opened.log.start({ persisted: () => persisted(), failed });
      opened.log.write(write);
    });
    mirror.durable.take(write);
    await opened.close();
    process.kill();
    disk.processEnded();
  }

  /** `kill -9`, or a power loss. */
  crash(how: "process" | "power"): void {
    const { process } = this;
    if (process === undefined) {
      if (how !== "power") return;
      this.#preparing = false;
      return this.disk.powerLost();
    }
    this.#setup.world.note(`crash of the ${how}`, this.id, this.#incarnation);
    this.countMetrics();
    process.kill();
    if (how === "power") this.disk.powerLost();
    else this.disk.processEnded();
  }

  /**
   * Kills the process, if one runs, and flips a bit of what its log holds for good (scenarios 53
   * and 54); `head`: of what a segment begins with. Answers whether there was anything to damage.
   */
  damage(part: "any" | "head" = "any"): boolean {
    this.crash("process");
    const place = this.disk.flipSealedBit(part);
    if (place === undefined) return false;
    this.#damaged ??= "unnoticed";
    const { world } = this.#setup;
    world.note("bit flipped", this.id, place.offset, () => `${place.path} at byte ${place.offset}`);
    return true;
  }

  /** Asks the node to close in order; its process ends when it has. */
  shutDown(): void {
    const process = this.process;
    const driver = this.#driver;
    if (process === undefined || driver === undefined) return;
    this.#setup.world.note("shut down", this.id, this.#incarnation);
    process.enter(() => {
      void driver.close();
    });
  }

  /** Hands over what the present process counted; called before it ends. */
  countMetrics(): void {
    const metrics = this.driver?.metrics();
    if (metrics !== undefined) this.#setup.onMetrics(metrics);
  }

  #run(process: Process): void {
    this.#startDriver(process).then(
      (driver) => {
        if (!process.alive) return;
        this.#setup.world.note("runs", this.id, this.#incarnation);
        if (this.isDamaged) {
          this.#setup.witness.report("damage", `node ${this.id} runs on a log with a flipped bit`);
        }
        void driver.closed.then((failure) => this.#ended(process, failure));
      },
      (error: unknown) => this.#ended(process, error),
    );
  }

  async #startDriver(process: Process): Promise<Driver<unknown>> {
    const setup = this.#setup;
    const { witness } = setup;
    const { disk, mirror } = this.#directory;
    const random = setup.random.split(`process ${process.incarnation}`);
    const clock = new ProcessClock(process, this.clock, setup.stalls, random.split("clock"));
    const opened = await disk.open(process, clock, {
      createIdentity: () => this.#identity(),
      onNotice: (notice) => {
        if (process.alive) setup.onLog(this, notice);
      },
    });
    const storage = await observeStorage(opened, { mirror, witness, seen: setup.seen });
    const machine = setup.createMachine({
      applied: (entry) => {
        if (process.alive) witness.applied(mirror, entry);
      },
      frozen: () => {
        if (process.alive) setup.onState(this, machine);
      },
      restored: (lastApplied) => {
        if (!process.alive) return;
        witness.restored(mirror, lastApplied);
        if (this.#driver === undefined) setup.seen("state restored at start");
        setup.onState(this, machine);
      },
    });
    const driver = await Driver.start<unknown>({
      storage,
      stateMachine: machine,
      stamps: machine instanceof KvStateMachine ? kvStamps(machine) : undefined,
      transport: setup.network.transportOf(process),
      clock,
      random: random.split("raft"),
      crc32: tableCrc32,
      raftOptions: setup.raftOptions,
      options: setup.driverOptions,
      logger: this.#logger(process),
    });
    this.#driver = driver;
    this.#machine = machine;
    if (machine instanceof KvStateMachine) this.#kv = new KvNode(driver as never, machine);
    return driver;
  }

  /** The process goes when its node has ended; only an injected fault may have ended it. */
  #ended(process: Process, failure: unknown): void {
    if (!process.alive) return;
    const { world, witness } = this.#setup;
    world.note("ends", this.id, process.incarnation, () => String(failure ?? "in order"));
    this.countMetrics();
    process.kill();
    this.disk.processEnded();
    this.#setup.onEnded(this);
    if (failure === undefined || isInjected(failure)) return;
    if (isEngineError(failure, "NODE_REMOVED")) {
      this.#removed = true;
      this.#setup.seen("NODE_REMOVED");
      return;
    }
    if (this.isDamaged && isEngineError(failure, "DATA_CORRUPTION")) {
      this.#damaged = "refused";
      this.#setup.seen("damaged log refused");
      return;
    }
    const rule = failure instanceof InvariantViolation ? "assertion" : "unexpected stop";
    const stack = failure instanceof Error ? failure.stack : String(failure);
    witness.report(rule, `node ${this.id}: ${stack}`);
  }

  #identity(): NodeIdentity {
    return {
      nodeId: this.id as NodeId,
      clusterId: "c".repeat(32),
      instanceId: (this.#directories * 256 + this.id).toString(16).padStart(32, "0"),
      bootstrap: {
        logId: LOG_ORIGIN,
        members: this.#setup.members,
        outgoingVoters: undefined,
      },
      joinedAt: this.#joinedAt ?? LOG_ORIGIN.index,
    };
  }

  #logger(process: Process): Logger {
    const note = (message: string): void => {
      if (process.alive) this.#setup.onLog(this, message);
    };
    return { info: note, warn: note, error: note };
  }
}
