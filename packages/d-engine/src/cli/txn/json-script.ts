import type { Bytes, KeySelection, TxnCondition, TxnStep } from "@d-engine/client";
import { type JsonNode, readJsonNodes } from "./json-nodes.js";
import { type ScriptPart, scriptError } from "./script.js";

type Members = ReadonlyMap<string, JsonNode>;

const sections = ["if", "then", "else"] as const;
/** What each kind of step has besides its kind. */
const stepMembers: Readonly<Record<string, readonly string[]>> = {
  put: ["key", "value", "lease", "ttlMs"],
  delete: ["keys"],
  range: ["keys", "limit", "order", "keysOnly", "countOnly"],
  txn: sections,
};
const testNames = ["equal", "notEqual", "greater", "less"] as const;

/**
 * A transaction as the API has it, in JSON: `{"if": […], "then": […], "else": […]}`. What is not
 * text is written `{"base64": "…"}`.
 */
export function readJsonScript(text: string): ScriptPart[] {
  const node = readJsonNodes(text);
  return partsOf(node, objectOf(node, "a transaction", sections));
}

function partsOf(node: JsonNode, members: Members): ScriptPart[] {
  return sections.flatMap((part) =>
    itemsOf(members.get(part), part, node).map((item) =>
      part === "if"
        ? { line: item.line, part, condition: conditionOf(item) }
        : { line: item.line, part, step: stepOf(item) },
    ),
  );
}

function conditionOf(node: JsonNode): TxnCondition {
  const condition: Record<string, unknown> = {};
  for (const [name, member] of objectOf(node, "a condition")) {
    condition[name] = name === "key" ? selectionOf(member) : testOf(member);
  }
  // Which tests there are is for the transaction's builder to say.
  return condition as unknown as TxnCondition;
}

function testOf(node: JsonNode): unknown {
  if (node.kind !== "object" || node.members.has("base64")) return plainOf(node);
  const [[name, operand] = []] = objectOf(node, "a test", testNames);
  if (name !== undefined && operand !== undefined && node.members.size === 1) {
    return { [name]: plainOf(operand) };
  }
  throw scriptError(node.line, `a test has exactly one of ${testNames.join(", ")}`);
}

function stepOf(node: JsonNode): TxnStep {
  const given = objectOf(node, "a step").get("kind");
  const kind = given?.kind === "scalar" ? String(given.value) : undefined;
  const known = kind === undefined ? undefined : stepMembers[kind];
  if (known === undefined) {
    throw scriptError(node.line, `a step's kind is one of ${Object.keys(stepMembers).join(", ")}`);
  }
  const members = objectOf(node, `a ${kind}`, ["kind", ...known]);
  if (kind === "txn") return nestedOf(node, members);
  const step: Record<string, unknown> = {};
  for (const [name, member] of members) {
    step[name] = name === "keys" ? selectionOf(member) : plainOf(member);
    checkType(name, member);
  }
  return step as unknown as TxnStep;
}

function nestedOf(node: JsonNode, members: Members): TxnStep {
  const parts = partsOf(node, members);
  const stepsOf = (wanted: "then" | "else") =>
    parts.flatMap((part) => (part.part === wanted ? [part.step] : []));
  return {
    kind: "txn",
    if: parts.flatMap((part) => (part.part === "if" ? [part.condition] : [])),
    // biome-ignore lint/suspicious/noThenProperty: the name that transactions have everywhere
    then: stepsOf("then"),
    else: stepsOf("else"),
  };
}

const types: Readonly<Record<string, "number" | "boolean">> = {
  lease: "number",
  ttlMs: "number",
  limit: "number",
  keysOnly: "boolean",
  countOnly: "boolean",
};

function checkType(name: string, node: JsonNode): void {
  const type = types[name];
  if (type === undefined) return;
  if (node.kind === "scalar" && typeof node.value === type) return;
  throw scriptError(node.line, `${name} is a ${type}`);
}

function selectionOf(node: JsonNode): KeySelection {
  if (node.kind !== "object" || node.members.has("base64")) return plainOf(node) as Bytes;
  const members = objectOf(node, "keys", ["prefix", "start", "end"]);
  const selection = [...members].map(([name, member]) => [name, plainOf(member)]);
  return Object.fromEntries(selection) as KeySelection;
}

/** Text, bytes, a number or a truth value. */
function plainOf(node: JsonNode): unknown {
  if (node.kind === "scalar") return node.value;
  const bytes = node.kind === "object" ? node.members.get("base64") : undefined;
  if (bytes?.kind === "scalar" && typeof bytes.value === "string") {
    return bytesOf(bytes.value, bytes.line);
  }
  throw scriptError(node.line, `text, a number or {"base64": "…"} was expected`);
}

function bytesOf(base64: string, line: number): Uint8Array {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") === base64) return bytes;
  throw scriptError(line, `${JSON.stringify(base64)} is no base64`);
}

function itemsOf(node: JsonNode | undefined, name: string, parent: JsonNode): readonly JsonNode[] {
  if (node === undefined) return [];
  if (node.kind === "array") return node.items;
  throw scriptError(node.line ?? parent.line, `${name} is a list`);
}

function objectOf(node: JsonNode, what: string, names?: readonly string[]): Members {
  if (node.kind !== "object") throw scriptError(node.line, `${what} is an object`);
  for (const [name, { line }] of node.members) {
    if (names === undefined || names.includes(name)) continue;
    throw scriptError(line, `${what} has no ${name}; there are ${names.join(", ")}`);
  }
  return node.members;
}
