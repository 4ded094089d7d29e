import { InvalidArgumentError } from "commander";

/** The id of a node in a command line. */
export function readId(text: string): number {
  const id = Number(text);
  if (/^\d{1,10}$/.test(text) && id >= 1 && id <= 0xffff_ffff) return id;
  throw new InvalidArgumentError("A node id is a whole number from 1 to 4294967295.");
}

/** One of several; those read before come along. */
export function readIds(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), readId(text)];
}
