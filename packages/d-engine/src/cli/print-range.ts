import type { KeyRange, KvOperations, RangeOptions } from "@d-engine/client";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { type KeyOptions, selectionOf } from "./key-options.js";
import { type RangeShapeOptions, rangeShapeOf } from "./range-options.js";
import { consistencyOption, type ReadCommandOptions } from "./read-options.js";
import { jsonRange, recordLine } from "./record-output.js";

export interface PrintRangeOptions extends ReadCommandOptions, KeyOptions, RangeShapeOptions {
  readonly rev?: number;
  readonly json: boolean;
}

/**
 * Prints what a range read finds, all of one revision: page by page, or as one object with `json`.
 * Nothing found is an answer like any other.
 */
export async function printRange(
  client: Pick<KvOperations, "range" | "pages">,
  key: string,
  options: PrintRangeOptions,
  io: CliIo,
): Promise<ExitCode> {
  const { keysOnly = false, countOnly, json, rev } = options;
  const selection = selectionOf(key, options);
  const read: RangeOptions = {
    ...rangeShapeOf(options),
    ...consistencyOption(options),
    ...(rev === undefined ? {} : { revision: rev }),
  };
  if (countOnly) {
    const { count, revision } = await client.range(selection, read);
    io.out(json ? `${JSON.stringify({ revision, count })}\n` : `${count}\n`);
    return EXIT.ok;
  }
  const parts: KeyRange[] = [];
  for await (const page of limited(client.pages(selection, read), options.limit)) {
    if (json) parts.push(page);
    else for (const record of page.entries) io.out(recordLine(record, keysOnly));
    await io.flushed();
  }
  if (json) io.out(`${JSON.stringify(jsonRange(joined(parts), keysOnly))}\n`);
  return EXIT.ok;
}

/** An answer may hold less than the limit, which each page has anew. */
async function* limited(
  pages: AsyncIterable<KeyRange>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<KeyRange, undefined> {
  let left = limit;
  for await (const page of pages) {
    const entries = page.entries.slice(0, left);
    yield { ...page, entries, more: page.more || entries.length < page.entries.length };
    left -= entries.length;
    if (left === 0) return;
  }
}

function joined(parts: readonly KeyRange[]): KeyRange {
  const [first] = parts;
  const last = parts.at(-1);
  if (first === undefined || last === undefined) return nothing;
  return { ...first, more: last.more, entries: parts.flatMap(({ entries }) => entries) };
}

const nothing: KeyRange = { entries: [], count: 0, more: false, revision: 0 };
