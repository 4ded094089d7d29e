/** A bug of ours: what must hold does not. The node that meets it stops; nobody catches it. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** Stays on in production: a node that finds itself broken must not serve on. */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantViolation(typeof message === "string" ? message : message());
}

/** Ends every `switch` over a union: a new member fails to compile, a foreign value throws. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`unexpected variant ${JSON.stringify(value)}`);
}
