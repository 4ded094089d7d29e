import type { Prng } from "./prng.js";

/** Beyond this an input grows no more. */
const bytesMax = 64 * 1024;

type Mutation = (bytes: Uint8Array, random: Prng, other: Uint8Array) => Uint8Array;

/** One to eight changes of a sample, which is left as it is. `other` is spliced in by some. */
export function mutated(sample: Uint8Array, random: Prng, other: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(sample);
  for (let changes = 1 + random.below(random.chance(0.7) ? 3 : 8); changes > 0; changes -= 1) {
    bytes = Uint8Array.from(random.pick(MUTATIONS)(bytes, random, other)).subarray(0, bytesMax);
  }
  return bytes;
}

const flipBit: Mutation = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
};

const setByte: Mutation = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick(INTERESTING);
  return bytes;
};

/** Bytes at which encodings turn: lengths, ends of varints, signs, delimiters of text. */
const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x0a, 0x0d, 0x20, 0x22, 0x3d, 0x5b, 0x7b];

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const dropHead: Mutation = (bytes, random) => bytes.subarray(random.below(bytes.length + 1));

const insert: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at));
};

const remove: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8)));
};

const duplicate: Mutation = (bytes, random) => {
  const from = random.below(bytes.length + 1);
  const part = bytes.subarray(from, from + 1 + random.below(64));
  return joined(bytes.subarray(0, from), part, part, bytes.subarray(from + part.length));
};

const splice: Mutation = (bytes, random, other) => {
  const tail = other.subarray(random.below(other.length + 1));
  return joined(bytes.subarray(0, random.below(bytes.length + 1)), tail);
};

/** What may be a length becomes a large one: as a varint, and with two, four and eight bytes. */
const growLength: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  const large = random.pick(LARGE);
  const behind = at + (random.chance(0.5) ? large.length : 1);
  return joined(bytes.subarray(0, at), large, bytes.subarray(behind));
};

const LARGE = [
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  [0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
].map((bytes) => Uint8Array.from(bytes));

/** Wrapped in itself, as deep as an attacker likes: field and length, again and again. */
const nest: Mutation = (bytes, random) => {
  const tag = ((1 + random.below(12)) << 3) | 2;
  const times = random.chance(0.9) ? 1 + random.below(20) : 2_000;
  let inner = bytes.subarray(0, 512);
  const heads: number[][] = [];
  let length = inner.length;
  for (let at = 0; at < times; at += 1) {
    const head = [tag, ...varint(length)];
    heads.unshift(head);
    length += head.length;
  }
  inner = joined(Uint8Array.from(heads.flat()), inner);
  return inner;
};

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}

/** The whole of it once more, as whoever sends twice does. */
const twice: Mutation = (bytes) => joined(bytes, bytes);

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  truncate,
  dropHead,
  insert,
  remove,
  duplicate,
  splice,
  growLength,
  growLength,
  nest,
  twice,
];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
