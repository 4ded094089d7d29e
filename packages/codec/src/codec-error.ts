/**
 * Bytes that are not what they should be, or a value that has no encoding. Nothing was changed by
 * the call that threw it. At the edge it becomes `INVALID_REQUEST` (a client's bytes), a dropped
 * and counted message (a peer's), or `DATA_CORRUPTION` (our own disk's).
 */
export class CodecError extends Error {
  override readonly name = "CodecError";
  /** `Message.field` as the proto files have it, or the message alone. */
  readonly field: string;
  /** Where in the input reading stopped; `undefined` when encoding. */
  readonly offset: number | undefined;

  constructor(field: string, reason: string, offset?: number) {
    super(offset === undefined ? `${field}: ${reason}` : `${field} at byte ${offset}: ${reason}`);
    this.field = field;
    this.offset = offset;
  }
}

/**
 * A membership change that holds more than this version understands. It was agreed on by a newer
 * majority, so a node that skipped it would count other voters than its peers do: the node must
 * stop (rule R12). Not a `CodecError`, so that nothing which drops bad messages can swallow it.
 */
export class UnknownChangeError extends Error {
  override readonly name = "UnknownChangeError";
  /** The message that holds the unknown part. */
  readonly field: string;
  readonly fieldNumber: number;

  constructor(field: string, fieldNumber: number) {
    super(
      `${field} has unknown field ${fieldNumber}: the cluster agreed on a membership change ` +
        "that this version cannot read; upgrade this node",
    );
    this.field = field;
    this.fieldNumber = fieldNumber;
  }
}
