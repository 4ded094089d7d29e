import type { RemoteClient, Txn, TxnBranch, TxnResult, TxnStepResult } from "@d-engine/client";
import { assertNever, EngineError } from "@d-engine/core";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { textOf } from "./printable.js";
import { readInputFile, readStdin } from "./read-input.js";
import { jsonRange, recordLine } from "./record-output.js";
import { type RemoteOptions, withClient } from "./remote-options.js";
import { readScript } from "./txn/read-script.js";
import { inLine, type ScriptPart } from "./txn/script.js";

export type TxnCommandOptions = RemoteOptions;

/** Carries out the transaction of a script, and prints what each of its steps did. */
export async function runTxn(
  file: string,
  options: TxnCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const bytes = file === "-" ? await readStdin(io) : await readInputFile(file);
  const text = textOf(bytes);
  if (text === undefined) throw new EngineError("INVALID_REQUEST", "the script is not UTF-8 text");
  const parts = readScript(text);
  const result = await withClient(options, (client) => built(client, parts).commit());
  if (options.json) io.out(`${JSON.stringify(jsonResult(result))}\n`);
  else printResult(result, io);
  return result.succeeded ? EXIT.ok : EXIT.negative;
}

function built(client: RemoteClient, parts: readonly ScriptPart[]): Txn {
  let txn = client.txn();
  for (const part of parts) {
    txn = inLine(part.line, () => {
      if (part.part === "if") return txn.if(part.condition);
      return part.part === "then" ? txn.then(part.step) : txn.else(part.step);
    });
  }
  return txn;
}

function printResult(result: TxnResult, io: CliIo): void {
  const held = result.succeeded ? "held" : "did not hold";
  io.out(`comparisons ${held}, revision ${result.revision}\n`);
  printBranch(result, "", io);
}

function printBranch({ results }: TxnBranch, indent: string, io: CliIo): void {
  for (const result of results) {
    switch (result.kind) {
      case "put":
        io.out(`${indent}put: ok\n`);
        break;
      case "delete":
        io.out(`${indent}del: ${result.deleted} deleted\n`);
        break;
      case "range":
        io.out(`${indent}get: ${result.entries.length} of ${result.count}\n`);
        for (const record of result.entries) io.out(`${indent}  ${recordLine(record, false)}`);
        break;
      case "txn":
        io.out(`${indent}txn: comparisons ${result.succeeded ? "held" : "did not hold"}\n`);
        printBranch(result, `${indent}  `, io);
        break;
      default:
        assertNever(result);
    }
  }
}

function jsonResult({ succeeded, revision, results }: TxnResult): object {
  return { succeeded, revision, results: results.map(jsonStep) };
}

function jsonStep(result: TxnStepResult): object {
  const { kind } = result;
  if (kind === "range") return { kind, ...jsonRange(result, false) };
  if (kind !== "txn") return result;
  return { kind, succeeded: result.succeeded, results: result.results.map(jsonStep) };
}
