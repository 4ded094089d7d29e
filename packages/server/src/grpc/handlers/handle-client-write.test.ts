import { Metadata } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { MapNode, sharedState } from "../../../test/map-node.js";
import { ANONYMOUS } from "../../driver/caller.js";
import { handleClientWrite } from "./handle-client-write.js";

describe("handleClientWrite", () => {
  it("hands the node bytes of its own, which the connection does not write to", async () => {
    const node = new MapNode(1, sharedState([]));
    let command: Uint8Array | undefined;
    const write = node.write.bind(node);
    node.write = (bytes, options) => {
      command = bytes;
      return write(bytes, options);
    };
    const request = Buffer.from("12080a060a016b120176", "hex");
    const context = {
      caller: ANONYMOUS,
      signal: AbortSignal.any([]),
      timeoutMs: undefined,
      authority: "",
      metadata: new Metadata(),
    };
    await handleClientWrite(node)(request, context);
    request.fill(0);
    expect(Buffer.from(command ?? []).toString("hex")).toBe("0a060a016b120176");
  });
});
