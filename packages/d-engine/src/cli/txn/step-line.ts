import type { TxnStep } from "@d-engine/client";
import type { EngineError } from "@d-engine/core";
import { Command, CommanderError } from "commander";
import { addKeyOptions, type KeyOptions, selectionOf } from "../key-options.js";
import { addLifetimeOptions, type LifetimeOptions, lifetimeOf } from "../lifetime-options.js";
import { addRangeShapeOptions, type RangeShapeOptions, rangeShapeOf } from "../range-options.js";
import { inLine, scriptError } from "./script.js";
import { wordsOf } from "./words.js";

/** One step, written as the command that does the same: put, get or del. */
export function stepOfLine(text: string, line: number): TxnStep {
  const words = wordsOf(text, line);
  let step: TxnStep | undefined;
  const parser = stepParser((parsed) => {
    step = parsed;
  });
  try {
    inLine(line, () => parser.parse(words, { from: "user" }));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.unknownCommand") throw noStep(line);
    throw scriptError(line, error.message.replace(/^error: /, "").replace(/\s+/g, " "), error);
  }
  if (step === undefined) throw noStep(line);
  return step;
}

function noStep(line: number): EngineError {
  return scriptError(line, "a step is one of put, get, del");
}

function stepParser(take: (step: TxnStep) => void): Command {
  const parser = quiet(new Command("txn"));
  addLifetimeOptions(quiet(parser.command("put")).argument("<key>").argument("<value>")).action(
    (key: string, value: string, options: LifetimeOptions) =>
      take({ kind: "put", key, value, ...lifetimeOf(options) }),
  );
  addKeyOptions(addRangeShapeOptions(quiet(parser.command("get")).argument("<key>"))).action(
    (key: string, options: KeyOptions & RangeShapeOptions) =>
      take({ kind: "range", keys: selectionOf(key, options), ...rangeShapeOf(options) }),
  );
  addKeyOptions(quiet(parser.command("del").alias("delete")).argument("<key>")).action(
    (key: string, options: KeyOptions) => take({ kind: "delete", keys: selectionOf(key, options) }),
  );
  return parser;
}

/** Throws what it has to say, instead of writing it and ending the process. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
}
