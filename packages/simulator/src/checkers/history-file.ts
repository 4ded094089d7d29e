import type { HistoryOperation, Instant } from "./history.js";

/**
 * Reads a history of JSON lines, one operation a line; empty lines and lines that begin with `#`
 * are passed over. Throws an `Error` that names the line of the first mistake.
 */
export function parseHistory(text: string): HistoryOperation[] {
  const operations: HistoryOperation[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    operations.push(parseLine(trimmed, number));
  }
  return operations;
}

function parseLine(line: string, number: number): HistoryOperation {
  const fail = (message: string): never => {
    throw new Error(`history line ${number}: ${message}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new Error(`history line ${number}: not JSON`, { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null) return fail("not an object");
  const fields = parsed as Record<string, unknown>;
  const text = (name: string): string | undefined => {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" || typeof value === "number") return String(value);
    return fail(`"${name}" must be a string, got ${JSON.stringify(value)}`);
  };
  const flag = (name: string): boolean | undefined => {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === "boolean" ? value : fail(`"${name}" must be true or false`);
  };
  const op = text("op");
  if (op !== "put" && op !== "get" && op !== "cas" && op !== "delete") {
    return fail(`"op" must be put, get, cas or delete, got ${JSON.stringify(op)}`);
  }
  const status = text("status");
  if (status !== "ok" && status !== "unknown" && status !== "fail") {
    return fail(`"status" must be ok, unknown or fail, got ${JSON.stringify(status)}`);
  }
  const rev = fields.rev ?? undefined;
  if (rev !== undefined && typeof rev !== "number") return fail(`"rev" must be a number`);
  const value = text("value");
  if (value === undefined && (op === "put" || op === "cas")) return fail(`${op} needs a "value"`);
  const done = flag("done");
  if (op === "cas" && status === "ok" && done === undefined) {
    return fail(`an answered cas needs "done": whether it was set`);
  }
  const call = instant(line, "call") ?? fail(`"call" must be an integer or a fraction`);
  const end = instant(line, "return");
  if (status === "ok" && end === undefined) return fail(`an answered operation needs "return"`);
  if (end !== undefined && end < call) return fail(`"return" ${end} lies before "call" ${call}`);
  return {
    client: text("client") ?? fail(`"client" is missing`),
    node: text("node"),
    op,
    key: text("key") ?? fail(`"key" is missing`),
    value,
    expect: text("expect"),
    done,
    rev,
    call,
    return: end,
    status,
    stale: flag("stale"),
  };
}

/**
 * Takes a time out of the line itself, as `JSON.parse` would round nanoseconds beyond 2^53. Inside
 * a JSON string a quote stands behind a backslash, so the pattern finds the field alone.
 */
function instant(line: string, name: string): Instant | undefined {
  const found = new RegExp(`(?<!\\\\)"${name}"\\s*:\\s*"?(\\d+)(\\.\\d+)?`).exec(line);
  if (found === null) return undefined;
  const [, whole, fraction] = found;
  if (fraction !== undefined) return Number(`${whole}${fraction}`);
  const value = BigInt(whole!);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
