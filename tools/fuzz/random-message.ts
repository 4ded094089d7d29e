import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Prng } from "./prng.js";

const depthMax = 3;

/** A message of the kind, with fields that are there or not, at their bounds more often than not. */
export function randomMessage(schema: DescMessage, random: Prng, depth = 0) {
  const message = reflect(schema, create(schema));
  for (const member of schema.members) {
    if (random.chance(0.3)) continue;
    const field = member.kind === "oneof" ? random.pick(member.fields) : member;
    if (field.fieldKind === "list") {
      const list = message.get(field);
      for (let at = random.below(4); at > 0; at -= 1) {
        const value = randomElement(field, random, depth);
        if (value !== undefined) list.add(value as never);
      }
    } else if (field.fieldKind !== "map") {
      const value = randomElement(field, random, depth);
      if (value !== undefined) message.set(field, value as never);
    }
  }
  return message.message;
}

function randomElement(field: DescField, random: Prng, depth: number): unknown {
  const isList = field.fieldKind === "list";
  const kind = isList ? field.listKind : field.fieldKind;
  if (kind === "message") {
    if (depth >= depthMax || field.message === undefined) return undefined;
    return reflect(field.message, randomMessage(field.message, random, depth + 1));
  }
  if (kind === "enum") return randomEnum(random);
  return randomScalar(field.scalar as ScalarType, random);
}

/** Values that an enumeration has not are allowed on the wire. */
function randomEnum(random: Prng): number {
  return random.chance(0.8) ? random.below(6) : random.pick([-1, 2 ** 31 - 1, 99]);
}

const NUMBERS = [0, 1, 2, 7, 127, 128, 255, 65_535, 2 ** 31 - 1];

function randomScalar(type: ScalarType, random: Prng): unknown {
  switch (type) {
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.STRING:
      return random.pick(["", "k", "127.0.0.1:9081", "ü☃\u{1f600}", "x".repeat(300), "\0"]);
    case ScalarType.BYTES:
      return random.bytes(random.pick([0, 1, 2, 8, 16, 32, 200]));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return random.pick([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return random.pick([...NUMBERS, -1, -(2 ** 31)]);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return random.pick([...NUMBERS, 2 ** 32 - 1]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return random.pick([...NUMBERS.map(BigInt), -1n, 2n ** 63n - 1n, -(2n ** 63n)]);
    default:
      return random.pick([...NUMBERS.map(BigInt), 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]);
  }
}
