/**
 * A message while it is read. Protobuf merges a nested message that occurs twice into the first,
 * so a decoder fills an object of the final shape, and hands it on when the whole was read.
 */
export type Draft<T> = { -readonly [Field in keyof T]: T[Field] };

/** What a byte field holds that was not sent. */
export const noBytes: Uint8Array = new Uint8Array(0);
