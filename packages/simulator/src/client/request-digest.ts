import type { TransportAnswer, TransportRequest } from "@d-engine/client";
import { decodeKvQuery, decodeWriteCommand, encodeKvQueryResult } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import { hashBytes } from "../checkers/mirror-log.js";

/** A number that differs, almost surely, for different requests. */
export function requestDigest(request: TransportRequest): number {
  switch (request.kind) {
    case "write":
      return hashBytes(request.command);
    case "read":
      return combined(request.keys.map(hashBytes));
    case "scan":
      return hashBytes(request.prefix);
    case "query":
      return hashBytes(request.query);
    case "metadata":
      return 0;
    default:
      return assertNever(request);
  }
}

/** The same for answers; failures differ by their kind alone. */
export function answerDigest(answer: TransportAnswer): number {
  if (answer.kind === "failed") return answer.failure.kind.length;
  const { result } = answer;
  if ("kind" in result) return hashBytes(encodeKvQueryResult(result));
  if ("succeeded" in result) return combined([result.revision, Number(result.succeeded)]);
  if ("members" in result) return combined([result.version, result.leaderId ?? 0]);
  if ("revision" in result) {
    return combined(result.entries.flatMap(({ key, value }) => [hashBytes(key), hashBytes(value)]));
  }
  return combined(result.map((value) => (value === undefined ? 1 : hashBytes(value))));
}

/** The request for people to read. */
export function describeRequest(request: TransportRequest): string {
  switch (request.kind) {
    case "write": {
      const command = decodeWriteCommand(request.command);
      return JSON.stringify(command, (_name, value: unknown) =>
        value instanceof Uint8Array ? textOf(value) : value,
      );
    }
    case "read":
      return `${request.keys.map(textOf).join(", ")} ${request.consistency ?? ""}`;
    case "scan":
      return `${textOf(request.prefix)}* ${request.consistency ?? ""}`;
    case "query":
      return `${decodeKvQuery(request.query).kind} ${request.consistency ?? ""}`;
    case "metadata":
      return "";
    default:
      return assertNever(request);
  }
}

function combined(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => (Math.imul(sum, 31) + number) | 0, numbers.length);
}

const shownBytes = 60;

/** Printable ASCII as it is, everything else as a dot. */
function textOf(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, shownBytes), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
  ).join("");
  return bytes.length > shownBytes ? `${shown}… (${bytes.length} bytes)` : shown;
}
