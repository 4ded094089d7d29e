import { readFileSync } from "node:fs";

/**
 * A pinned, hand-written table of one proto file. Its lines are
 *
 *     package NAME
 *     message NAME      followed by its fields:   NUMBER NAME TYPE [optional | repeated | oneof O]
 *     enum NAME         followed by its values:   NUMBER NAME
 *     service NAME      followed by its methods:  rpc NAME [stream] REQUEST -> [stream] RESPONSE
 *
 * Types of the same package stand without it. A leading `+` marks what we added to the contract;
 * the fields of a message that is ours as a whole need no mark and have any number.
 */
export interface ContractTable {
  /** One line per fact, the fact's owner in front, sorted; without the marks. */
  readonly facts: readonly string[];
  readonly ours: readonly TableField[];
  readonly theirs: readonly TableField[];
}

export interface TableField {
  readonly message: string;
  readonly number: number;
}

export function readContractTable(name: string): ContractTable {
  const text = readFileSync(new URL(`./contract/${name}.txt`, import.meta.url), "utf8");
  const facts: string[] = [];
  const ours: TableField[] = [];
  const theirs: TableField[] = [];
  let owner = "";
  let isOwnerOurs = false;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const isOurs = line.startsWith("+ ");
    const fact = isOurs ? line.slice(2) : line;
    if (/^(package|message|enum|service) /.test(fact)) {
      owner = fact;
      isOwnerOurs = isOurs;
      facts.push(fact);
      continue;
    }
    facts.push(`${owner}: ${fact}`);
    const number = Number.parseInt(fact, 10);
    if (owner.startsWith("message ") && !isOwnerOurs)
      (isOurs ? ours : theirs).push({ message: owner, number });
  }
  return { facts: facts.sort(), ours, theirs };
}
