import type { RecoveryProgress } from "@d-engine/core";
import type { CliIo } from "./cli-io.js";

export interface ReadyFacts {
  /** `host:port` as bound. */
  readonly address: string;
  readonly dataDir: string;
  readonly nodeId: number;
  readonly leaderId: number;
  readonly term: number;
}

/** What `start` tells of the life of a node. */
export interface StartReport {
  starting(dataDir: string): void;
  /** A member of a cluster can be reached, and waits for a leader. */
  listening(facts: { readonly address: string; readonly nodeId: number }): void;
  progress(progress: RecoveryProgress): void;
  ready(facts: ReadyFacts): void;
  closing(signal: string): void;
  closed(): void;
}

/** The listener that the other commands ask when they are not told which. */
const defaultAddress = "127.0.0.1:9081";
/** A shorter start needs no progress, a longer one a sign of life this often. */
const progressEveryMs = 1_000;

export function humanReport(io: CliIo): StartReport {
  const say = (line: string): void => io.out(`${line}\n`);
  return {
    starting: (dataDir) => say(`starting from ${dataDir} …`),
    progress: throttled(({ phase, done, total, unit }) => {
      const what = phase === "log" ? "reading the log" : "replaying the log";
      const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
      say(`${what}: ${percent} % of ${total.toLocaleString("en-US")} ${unit}`);
    }),
    listening: ({ address, nodeId }) => {
      say(`node ${nodeId} listens on ${address} and waits for a majority to elect a leader …`);
    },
    ready: ({ address, dataDir, nodeId, leaderId, term }) => {
      const to = address === defaultAddress ? "" : ` --endpoints ${dialable(address)}`;
      const who =
        leaderId === nodeId ? `node ${nodeId}` : `this is node ${nodeId}, node ${leaderId}`;
      say(`ready: listening on ${address}, ${who} leads in term ${term}`);
      say(`data:  ${dataDir}`);
      say("try, in another terminal (Ctrl-C here stops the node):");
      say(`  npx d-engine put greeting hello${to}`);
      say(`  npx d-engine get greeting${to}`);
      say(`  npx d-engine status${to}`);
    },
    closing: (signal) => say(`${signal}: closing …`),
    closed: () => say("closed cleanly"),
  };
}

/** One JSON object a line. */
export function jsonReport(io: CliIo): StartReport {
  const say = (event: string, facts: object = {}): void => {
    io.out(`${JSON.stringify({ event, ...facts })}\n`);
  };
  return {
    starting: (dataDir) => say("starting", { dataDir }),
    listening: (facts) => say("listening", facts),
    progress: throttled((progress) => say("progress", progress)),
    ready: (facts) => say("ready", facts),
    closing: (signal) => say("closing", { signal }),
    closed: () => say("closed"),
  };
}

function throttled(
  say: (progress: RecoveryProgress) => void,
): (progress: RecoveryProgress) => void {
  let lastMs = performance.now();
  return (progress) => {
    if (performance.now() - lastMs < progressEveryMs) return;
    lastMs = performance.now();
    say(progress);
  };
}

/** A wildcard can be listened on but not asked. */
function dialable(address: string): string {
  return address.replace(/^(?:0\.0\.0\.0|\[::\]):/, "127.0.0.1:");
}
