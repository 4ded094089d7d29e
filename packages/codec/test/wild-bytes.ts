import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

/**
 * Encodings that no encoder makes: fields of `schema` in any order and number, under the wrong
 * wire type, with longer varints than needed and greater values than allowed, between unknown
 * fields and groups; half of them damaged by a few changed, missing or extra bytes as well.
 */
export function wildBytes(schema: DescMessage): fc.Arbitrary<Uint8Array> {
  const whole = wildMessage(schema, 4).map((bytes) => Uint8Array.from(bytes));
  return fc.oneof(whole, fc.tuple(whole, fc.array(damage, { maxLength: 3 })).map(applyDamage));
}

/** Damages what a proper encoder made. */
export function damaged(encoded: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(encoded, fc.array(damage, { minLength: 1, maxLength: 3 })).map(applyDamage);
}

type Bytes = readonly number[];

interface Damage {
  readonly kind: "set" | "insert" | "remove" | "truncate";
  readonly at: number;
  readonly byte: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("set", "set", "insert", "remove", "truncate"),
  at: fc.nat(),
  byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
});

function applyDamage([bytes, damages]: readonly [Uint8Array, readonly Damage[]]): Uint8Array {
  const result = [...bytes];
  for (const { kind, at, byte } of damages) {
    const position = at % (result.length + 1);
    if (kind === "set") result[position] = byte;
    else if (kind === "insert") result.splice(position, 0, byte);
    else if (kind === "remove") result.splice(position, 1);
    else result.length = position;
  }
  return Uint8Array.from(result);
}

function wildMessage(schema: DescMessage, depth: number): fc.Arbitrary<Bytes> {
  const known = schema.fields.map((field) => ({ weight: 4, arbitrary: knownField(field, depth) }));
  const odd = schema.fields.map((field) => anyField(field.number));
  const field = fc.oneof(
    ...known,
    ...(odd.length === 0 ? [] : [{ weight: 1, arbitrary: fc.oneof(...odd) }]),
    { weight: 1, arbitrary: unknownField },
  );
  return fc.array(field, { maxLength: 4 }).map((fields) => fields.flat());
}

function knownField(field: DescField, depth: number): fc.Arbitrary<Bytes> {
  const { number } = field;
  if (field.message !== undefined) {
    const nested = depth === 0 ? fc.constant<Bytes>([]) : wildMessage(field.message, depth - 1);
    return nested.map((bytes) => delimited(number, bytes));
  }
  if (field.scalar === ScalarType.BYTES) {
    return fc.uint8Array({ maxLength: 9 }).map((bytes) => delimited(number, [...bytes]));
  }
  if (field.scalar === ScalarType.STRING) {
    return fc.oneof(string, oddString).map((bytes) => delimited(number, [...bytes]));
  }
  if (field.scalar === ScalarType.FIXED64) {
    return fixed64.map((bytes) => [...tag(number, 1), ...bytes]);
  }
  const single = varint.map((value) => [...tag(number, 0), ...value]);
  if (field.fieldKind !== "list") return single;
  const packed = fc.array(varint, { maxLength: 3 }).map((all) => delimited(number, all.flat()));
  return fc.oneof(single, packed);
}

const string = fc.string({ unit: "binary", maxLength: 6 }).map((text) => Buffer.from(text));
const oddString = fc.uint8Array({ maxLength: 4 });

/** Mostly short and small; now and then padded with zeros, past 32, 53 or 64 bits, or too long. */
const varint: fc.Arbitrary<Bytes> = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 300 }).map((value) => varintOf(BigInt(value))) },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 35n }).map(varintOf) },
  { weight: 1, arbitrary: fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 1n }).map(varintOf) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 70n - 1n }).map(varintOf) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 10 }), fc.nat({ max: 1 }))
      .map(([head, last]) => [...head, last]),
  },
);

/** Small enough to be read, mostly. */
const fixed64: fc.Arbitrary<Bytes> = fc
  .tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.constantFrom(0, 1, 0x1f, 0x20, 0xff))
  .map(([low, high]) => [...low, high, 0]);

/** Any wire type, under a number that may be a known one. */
function anyField(number: number): fc.Arbitrary<Bytes> {
  const group = fc
    .array(fc.oneof(varint, fc.constant<Bytes>([])), { maxLength: 2 })
    .map((values) =>
      values.flatMap((value) => (value.length === 0 ? [] : [...tag(7, 0), ...value])),
    );
  return fc.oneof(
    varint.map((value) => [...tag(number, 0), ...value]),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => [...tag(number, 1), ...bytes]),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => delimited(number, [...bytes])),
    group.map((inner) => [...tag(number, 3), ...inner, ...tag(number, 4)]),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...tag(number, 5), ...bytes]),
  );
}

const unknownField = fc
  .constantFrom(9, 15, 16, 99, 100, 101, 102, 2 ** 29 - 1)
  .chain((number) => anyField(number));

function delimited(number: number, bytes: Bytes): Bytes {
  return [...tag(number, 2), ...varintOf(BigInt(bytes.length)), ...bytes];
}

function tag(number: number, wireType: number): Bytes {
  return varintOf((BigInt(number) << 3n) | BigInt(wireType));
}

function varintOf(value: bigint): Bytes {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}
