import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { failureOfStatus } from "./call-failure.js";

function failed(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}

describe("failureOfStatus", () => {
  it.each([
    {
      name: "a request that the node found too large",
      details: "Received message larger than max (5000 vs 4096)",
      kind: "refused",
    },
    {
      name: "the same, of a node in Rust",
      details: "Error, decoded message length too large: found 5000 bytes, the limit is: 4096",
      kind: "refused",
    },
    {
      name: "an answer that this client found too large, after the deed",
      details: "Received message larger than max (9000 vs 4096)",
      kind: "lost",
    },
    {
      name: "a connection that was broken off for taking too much",
      details: "Bandwidth exhausted or memory limit exceeded",
      kind: "lost",
    },
  ])("RESOURCE_EXHAUSTED without a code: $name", ({ details, kind }) => {
    const failure = failureOfStatus("n:1", failed(status.RESOURCE_EXHAUSTED, details), 5_000);
    expect(failure.kind).toBe(kind);
    if (kind === "refused") {
      expect(failure).toMatchObject({
        code: "INVALID_REQUEST",
        message: expect.stringContaining("raise requestBytesMax"),
      });
    }
  });
});
