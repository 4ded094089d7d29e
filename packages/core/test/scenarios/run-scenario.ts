import type { MembershipChange, NodeStatus, RaftOptionsInput } from "@d-engine/core";
import { at, bytesOf, change, id } from "../support/messages.js";
import { list, membersText, message, statusLines } from "./render.js";
import { ScenarioWorld } from "./scenario-world.js";

/**
 * Runs a scenario and gives it back with its output. Commands stand at the start of a line, output
 * is indented and replaced; comments (`#`) and empty lines stay. Positions are `term.index`.
 *
 * - `cluster 1 2 3 learners=4 outgoing=1,5 electionTimeoutMs=1000 …` comes first
 * - `disk N log=1,1,2 term=3 vote=2 commit=1 promise=500`, before `start`: what the disk holds
 * - `start [N …] [option=value …]`, `crash N …`
 * - `wait MS` moves the clock; `tick N …` lets nodes look at it; `run MS [quiet]` does both in
 *   steps of half a heartbeat, and lets everything arrive that is not cut off
 * - `campaign N` waits until nobody is bound to a leader any more, then ticks N; `elect N` lets it
 *   win and commit its noop besides, and shows only what came of it
 * - `deliver A B [first|last|keep|drop]`, `inflight`, `cut A>B …`, `heal`, `unreachable N PEER`
 * - `persist N [COUNT]`, `hang N`, `unhang N`, `readback N [fail]`, `stabilize [N …]`
 * - `propose N TEXT …`, `read N`, `transfer N TARGET`, `jump N`, `lease N`, `hold N`, `apply N`
 * - `snapshot N` of what N has applied, `compact N [INDEX]` up to there or to its end
 * - `transmit N PEER FROM COUNT of=TOTAL` chunks of N's newest snapshot, `install N` what was received
 *   whole, `sent N PEER [fail]` ends a transfer
 * - `member N add 4 [readOnly]`, `member N remove 4,5`, `member N promote 4,5 [version=I]`; who is
 *   to join later stands in `cluster … spare=4,5`; `members [N …]` shows what nodes know
 * - `chance N VALUE`, `status [N …]`, `log [N …]`
 */
export function runScenario(text: string): string {
  const output: string[] = [];
  const scenario = new Scenario();
  for (const line of text.split("\n")) {
    if (line.startsWith(" ")) continue;
    output.push(line);
    if (line === "" || line.startsWith("#")) continue;
    for (const shown of scenario.execute(line)) output.push(`  ${shown}`);
  }
  return output.join("\n");
}

interface Words {
  readonly plain: readonly string[];
  readonly named: ReadonlyMap<string, string>;
}

function wordsOf(line: string): Words {
  const [, ...words] = line.split(/\s+/).filter((word) => word !== "");
  const named = new Map<string, string>();
  const plain = words.filter((word) => {
    const [name, value] = word.split("=");
    if (value === undefined) return true;
    named.set(name!, value);
    return false;
  });
  return { plain, named };
}

const numbers = (text: string | undefined) =>
  text === undefined || text === "" ? [] : text.split(",").map(Number);

class Scenario {
  #world: ScenarioWorld | undefined;
  #electionTimeoutMs = 1000;
  #heartbeatMs = 100;

  execute(line: string): readonly string[] {
    const command = line.split(" ", 1)[0]!;
    const words = wordsOf(line);
    if (command === "cluster") {
      this.#world = this.#clusterOf(words);
      return [];
    }
    const world = this.#world;
    if (world === undefined) throw new Error("a scenario begins with `cluster`");
    world.lines.length = 0;
    try {
      this.#perform(world, command, words);
      world.applyAll();
    } catch (error) {
      throw new Error(`at \`${line}\``, { cause: error });
    }
    return [...world.lines];
  }

  #clusterOf({ plain, named }: Words): ScenarioWorld {
    const voters = plain.map(Number);
    const learners = numbers(named.get("learners"));
    const outgoing = named.has("outgoing") ? { outgoing: numbers(named.get("outgoing")) } : {};
    const spare = numbers(named.get("spare"));
    const options = optionsOf(named);
    this.#electionTimeoutMs = options.electionTimeoutMs ?? this.#electionTimeoutMs;
    this.#heartbeatMs = options.heartbeatIntervalMs ?? this.#heartbeatMs;
    return new ScenarioWorld({ voters, learners, ...outgoing }, options, spare);
  }

  #perform(world: ScenarioWorld, command: string, { plain, named }: Words): void {
    const all = [...world.members.keys()];
    const running = all.filter((n) => world.member(n).running);
    const nodes = plain.length === 0 ? running : plain.map(Number);
    const n = Number(plain[0]);
    switch (command) {
      case "disk":
        return this.#preset(world, n, named);
      case "start":
        for (const node of plain.length === 0 ? all : nodes) world.start(node, optionsOf(named));
        return;
      case "crash":
        for (const node of nodes) world.crash(node);
        return;
      case "wait":
        world.nowMs += n;
        return;
      case "tick":
        for (const node of nodes) world.input(node, { kind: "tick" });
        return;
      case "run":
        world.quiet = plain[1] === "quiet";
        this.#run(world, n);
        world.quiet = false;
        return;
      case "campaign":
        world.nowMs += 2 * this.#electionTimeoutMs;
        return world.input(n, { kind: "tick" });
      case "elect":
        return this.#elect(world, n, running);
      case "deliver":
        return deliver(world, n, Number(plain[1]), plain[2]);
      case "inflight":
        for (const { from, envelope } of world.inFlight()) {
          world.show(`${from} > ${envelope.to} ${message(envelope.message)}`);
        }
        return;
      case "cut":
        for (const link of plain) world.cut(...linkOf(link));
        return;
      case "heal":
        return world.heal();
      case "unreachable":
        return world.input(n, { kind: "unreachable", peer: id(Number(plain[1])) });
      case "persist":
        return world.persist(n, plain[1] === undefined ? undefined : Number(plain[1]));
      case "stabilize":
        return world.stabilize(nodes);
      case "readback":
        return world.answerLogRead(n, plain[1] !== "fail");
      default:
        return this.#ask(world, command, { plain, named }, nodes);
    }
  }

  #ask(world: ScenarioWorld, command: string, { plain, named }: Words, nodes: number[]): void {
    const n = Number(plain[0]);
    switch (command) {
      case "propose": {
        const commands = textsOf(plain.slice(1)).map(bytesOf);
        return world.request(n, (requestId) => ({ kind: "propose", requestId, commands }));
      }
      case "read":
        return world.request(n, (requestId) => ({ kind: "read", requestId }));
      case "transfer": {
        const target = id(Number(plain[1]));
        return world.request(n, (requestId) => ({ kind: "transfer", requestId, target }));
      }
      case "snapshot":
        return world.snapshots.save(n);
      case "compact":
        return world.snapshots.compact(n, plain[1] === undefined ? undefined : Number(plain[1]));
      case "transmit": {
        const [, peer, from, count] = plain.map(Number);
        const part = { from: from!, count: count!, of: Number(named.get("of") ?? 3) };
        return world.snapshots.transmit(n, peer!, part);
      }
      case "install":
        return world.snapshots.install(n);
      case "sent":
        return world.snapshots.end(n, Number(plain[1]), plain[2] === "fail");
      case "member": {
        const change = changeOf(plain.slice(1));
        const version = named.has("version") ? at(Number(named.get("version"))) : undefined;
        const kind = "changeMembership";
        return world.request(n, (requestId) => ({ kind, requestId, change, version }));
      }
      case "members":
        for (const node of nodes) {
          const { configuration, committedConfiguration } = world.member(node).node.status();
          const open = configuration === committedConfiguration ? "" : ", not known as committed";
          world.show(`${node} ${membersText(configuration)}${open}`);
        }
        return;
      case "jump":
        return world.input(n, { kind: "clockJump" });
      case "lease": {
        const holds = world.member(n).node.leaseHolds(world.nowMs);
        return world.show(`${n} ${holds ? "may" : "may not"} answer lease reads at ${world.nowMs}`);
      }
      case "chance":
        return world.setChance(n, Number(plain[1]));
      case "hang":
      case "unhang":
        return world.hang(n, command === "hang");
      case "hold":
      case "apply":
        return world.hold(n, command === "hold");
      case "status":
        for (const node of nodes) {
          for (const line of statusLines(world.member(node).node.status())) world.show(line);
        }
        return;
      case "log":
        for (const node of nodes) world.show(`${node} ${list(world.member(node).disk.entries)}`);
        return;
      default:
        throw new Error(`unknown command ${command}`);
    }
  }

  #preset(world: ScenarioWorld, n: number, named: Words["named"]): void {
    const log = numbers(named.get("log"));
    world.preset(n, {
      log,
      term: Number(named.get("term") ?? log.at(-1) ?? 0),
      votedFor: named.has("vote") ? Number(named.get("vote")) : undefined,
      promiseMs: Number(named.get("promise") ?? this.#electionTimeoutMs),
      commit: Number(named.get("commit") ?? 0),
    });
  }

  #elect(world: ScenarioWorld, n: number, running: readonly number[]): void {
    world.quiet = true;
    world.nowMs += 2 * this.#electionTimeoutMs;
    world.input(n, { kind: "tick" });
    world.stabilize(running);
    world.input(n, { kind: "tick" });
    world.stabilize(running);
    world.applyAll();
    world.quiet = false;
    world.show(statusLines(world.member(n).node.status())[0]!);
  }

  #run(world: ScenarioWorld, durationMs: number): void {
    const endMs = world.nowMs + durationMs;
    while (world.nowMs < endMs) {
      world.nowMs = Math.min(endMs, world.nowMs + this.#heartbeatMs / 2);
      const running = [...world.members.keys()].filter((n) => world.member(n).running);
      for (const n of running) world.input(n, { kind: "tick" });
      world.stabilize(running);
      world.applyAll();
    }
  }
}

function optionsOf(named: Words["named"]): RaftOptionsInput {
  const own = ["learners", "outgoing", "spare"];
  const options = [...named].filter(([name]) => !own.includes(name));
  return Object.fromEntries(
    options.map(([name, value]) => [name, name === "autoPromote" ? value === "on" : Number(value)]),
  );
}

function changeOf([what, who, status]: readonly string[]): MembershipChange {
  const ids = numbers(who);
  if (what === "add") return change.add(ids[0]!, (status ?? "promotable") as NodeStatus);
  if (what === "promote") return change.promote(...ids);
  if (what === "remove") return change.remove(...ids);
  throw new Error(`no change of the members is called ${what}`);
}

function linkOf(text: string): [number, number] {
  const [from, to] = text.split(">").map(Number);
  return [from!, to!];
}

/** `x*2000` stands for 2,000 commands. */
function textsOf(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const [text, times] = word.split("*");
    if (times === undefined) return [text!];
    return Array.from({ length: Number(times) }, (_, at) => `${text}${at + 1}`);
  });
}

function deliver(world: ScenarioWorld, from: number, to: number, how: string | undefined): void {
  const waiting = world.inFlight(from, to);
  if (waiting.length === 0) world.show(`nothing is on its way from ${from} to ${to}`);
  if (how === "drop") {
    for (const sent of waiting) world.drop(sent);
    return;
  }
  if (how === "keep") return world.deliver(waiting[0]!, true);
  const chosen =
    how === "first" ? waiting.slice(0, 1) : how === "last" ? waiting.slice(-1) : waiting;
  for (const sent of chosen) world.deliver(sent);
}
