import { mutated } from "./mutate.js";
import { Prng } from "./prng.js";
import { type FuzzTarget, MeaningLost } from "./target.js";

/** An input that a decoder did something with which it must not. */
export interface Finding {
  readonly target: string;
  readonly problem: string;
  readonly hex: string;
  readonly seed: number;
}

export interface FuzzResult {
  readonly target: string;
  readonly seed: number;
  readonly executions: number;
  /** Of these, the inputs that were understood. */
  readonly taken: number;
  readonly seconds: number;
  readonly findings: readonly Finding[];
}

export interface FuzzBounds {
  readonly seed: number;
  readonly seconds?: number;
  readonly executionsMax?: number;
  /** Inputs already known to be worth a try, before any mutation. */
  readonly first?: readonly Uint8Array[];
  readonly onProgress?: (executions: number, findings: number) => void;
}

const findingsMax = 20;
const corpusMax = 2_000;
const progressMs = 5_000;

/**
 * Gives a decoder mutations of valid inputs until time or executions are used up. The same seed and
 * number of executions give the same inputs. An input that was understood may be mutated further.
 */
export async function fuzz(target: FuzzTarget, bounds: FuzzBounds): Promise<FuzzResult> {
  await target.open?.();
  try {
    return await fuzzOpened(target, bounds);
  } finally {
    await target.close?.();
  }
}

async function fuzzOpened(target: FuzzTarget, bounds: FuzzBounds): Promise<FuzzResult> {
  const { seed, seconds = Number.POSITIVE_INFINITY, first = [], onProgress } = bounds;
  const { executionsMax = Number.POSITIVE_INFINITY } = bounds;
  const random = new Prng(seed);
  const samples = await target.samples(random);
  const corpus = [...samples, ...(target.first ?? [])];
  const findings = new Map<string, Finding>();
  const startMs = performance.now();
  let toldMs = startMs;
  let executions = 0;
  let taken = 0;
  const tryOut = async (input: Uint8Array): Promise<void> => {
    executions += 1;
    const outcome = await execute(target, input);
    if (outcome === "taken") {
      taken += 1;
      if (corpus.length < corpusMax) corpus.push(input);
    } else if (outcome !== "refused" && findings.size < findingsMax) {
      // One of a kind: the text up to the first number.
      const kind = outcome.split(/\d/, 1)[0] ?? outcome;
      const hex = Buffer.from(input).toString("hex");
      const known = findings.get(kind);
      if (known === undefined || hex.length < known.hex.length) {
        findings.set(kind, { target: target.name, problem: outcome, hex, seed });
      }
    }
  };
  // What our own encoders made must be understood.
  for (const sample of samples) {
    const before = taken;
    await tryOut(sample);
    if (taken === before && findings.size < findingsMax) {
      const hex = Buffer.from(sample).toString("hex");
      findings.set(`sample ${hex}`, {
        target: target.name,
        problem: "a sample is refused",
        hex,
        seed,
      });
    }
  }
  for (const input of [...(target.first ?? []), ...first]) await tryOut(input);
  while (executions < executionsMax) {
    await tryOut(mutated(random.pick(corpus), random, random.pick(corpus)));
    if (executions % 64 !== 0) continue;
    const nowMs = performance.now();
    if (nowMs - startMs >= seconds * 1_000) break;
    if (onProgress === undefined || nowMs - toldMs < progressMs) continue;
    toldMs = nowMs;
    onProgress(executions, findings.size);
  }
  const lasted = (performance.now() - startMs) / 1_000;
  return {
    target: target.name,
    seed,
    executions,
    taken,
    seconds: lasted,
    findings: [...findings.values()],
  };
}

/** `taken`, `refused`, or what is wrong. */
export async function execute(target: FuzzTarget, input: Uint8Array): Promise<string> {
  const { msMax = 1_000, bytesMax = 8 * 1024 * 1024 } = target;
  const given = Uint8Array.from(input);
  const bytesBefore = heldBytes();
  const startMs = performance.now();
  let outcome = "taken";
  try {
    const running = target.run(given);
    if (running instanceof Promise) await running;
  } catch (error) {
    outcome = "refused";
    if (isRunaway(error) || error instanceof MeaningLost || !target.isRefusal(error)) {
      return `threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    }
  }
  const tookMs = performance.now() - startMs;
  if (tookMs > msMax) return `took ${Math.round(tookMs)} ms for ${input.length} bytes`;
  const bytes = heldBytes() - bytesBefore;
  if (bytes > bytesMax + 64 * input.length) return `took ${bytes} bytes for ${input.length}`;
  return outcome;
}

/** Whatever a target says of errors of this class: these are of the machine. */
function isRunaway(error: unknown): boolean {
  return (
    error instanceof RangeError && /call stack|Invalid .*length|allocation/i.test(error.message)
  );
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
