import { client, create, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import { AnswerBytes } from "../answer-bytes.js";
import type { UnaryHandler } from "../call-context.js";
import { consistencyOf, decodeRequest } from "../decode-request.js";
import type { GrpcLimits } from "../limits.js";

/** Reads all keys below a prefix from one revision. `ScanResponse` has no error: see `UnaryHandler`. */
export function handleClientScan(node: LocalNode, limits: GrpcLimits): UnaryHandler {
  return async (bytes, context) => {
    const request = decodeRequest(client.ScanRequestSchema, bytes);
    const scan = await node.scan(request.prefix, {
      consistency: consistencyOf(request.consistencyPolicy),
      ...context,
    });
    const size = new AnswerBytes(limits.answerBytesMax, "scan a longer prefix");
    const entries = scan.entries.map(({ key, value }) => {
      size.add(key, value);
      return create(client.KvEntrySchema, { key, value });
    });
    const response = create(client.ScanResponseSchema, {
      entries,
      revision: BigInt(scan.revision),
    });
    return { body: toBinary(client.ScanResponseSchema, response) };
  };
}
