import type { HistoryOperation } from "../checkers/history.js";
import type { Prng } from "../prng.js";

export interface RandomHistoryOptions {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  /** Distinct values drawn from; `undefined`: every write has its own. */
  readonly values: number | undefined;
  /** Chance of an operation whose answer is lost. */
  readonly unknown: number;
  readonly revisions: boolean;
}

/**
 * A history that is linearizable by construction: clients overlap at random, each operation takes
 * effect on a real register at one random moment between its call and its return, and some of
 * the answers are lost (of those operations half never happen).
 */
export function randomHistory(random: Prng, options: RandomHistoryOptions): HistoryOperation[] {
  interface Planned {
    readonly shape: Pick<HistoryOperation, "client" | "op" | "key" | "value" | "expect">;
    readonly call: number;
    readonly effect: number | undefined;
    readonly return: number | undefined;
  }
  const freeAt = Array.from({ length: options.clients }, () => random.next());
  const fresh = (index: number) =>
    options.values === undefined ? `v${index}` : `v${random.between(1, options.values)}`;
  const planned: Planned[] = [];
  for (let index = 0; index < options.operations; index += 1) {
    const client = random.between(0, options.clients - 1);
    const call = freeAt[client]! + random.exponential(0.2);
    const effect = call + random.exponential(1);
    const end = effect + random.exponential(1);
    freeAt[client] = end;
    const unknown = random.chance(options.unknown);
    const op = random.pick(["put", "get", "cas", "get", "put", "delete"] as const);
    planned.push({
      shape: {
        client: String(client),
        op,
        key: `k${random.between(1, options.keys)}`,
        value: op === "put" || op === "cas" ? fresh(index) : undefined,
        expect: op === "cas" && random.chance(0.8) ? fresh(random.between(0, index)) : undefined,
      },
      call,
      // An answer may be lost long before its operation happens.
      effect: unknown ? (random.chance(0.5) ? undefined : effect + random.exponential(5)) : effect,
      return: unknown ? undefined : end,
    });
  }
  const store = new Map<string, string>();
  let revision = 0;
  const history: HistoryOperation[] = [];
  const effective = planned.filter((plan) => plan.effect !== undefined);
  for (const plan of effective.sort((a, b) => a.effect! - b.effect!)) {
    const { shape } = plan;
    const before = store.get(shape.key);
    const done = shape.op === "cas" ? before === shape.expect : before !== undefined;
    const wrote = shape.op === "put" || ((shape.op === "cas" || shape.op === "delete") && done);
    if (wrote && shape.op === "delete") store.delete(shape.key);
    else if (wrote) store.set(shape.key, shape.value!);
    if (wrote) revision += 1;
    const times = { call: plan.call, return: plan.return };
    if (plan.return === undefined) history.push({ ...shape, ...times, status: "unknown" });
    else {
      history.push({
        ...shape,
        ...times,
        ...(shape.op === "get" ? { value: before } : {}),
        ...(shape.op === "cas" || shape.op === "delete" ? { done } : {}),
        ...(wrote && options.revisions ? { rev: revision } : {}),
        status: "ok",
      });
    }
  }
  for (const { shape, call, effect } of planned) {
    if (effect === undefined) history.push({ ...shape, call, status: "unknown" });
  }
  return history.sort((a, b) => Number(a.call) - Number(b.call));
}
