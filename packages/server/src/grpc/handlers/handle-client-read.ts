import { EngineError } from "@d-engine/core";
import { client, create } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import { AnswerBytes } from "../answer-bytes.js";
import type { UnaryHandler } from "../call-context.js";
import { errorAnswer, successAnswer } from "../client-response.js";
import { consistencyOf, decodeRequest } from "../decode-request.js";
import type { GrpcLimits } from "../limits.js";

/**
 * Reads keys from one consistent view. Keys that do not exist are left out of `read_data`, which
 * itself is always there: its absence would mean that the answer is broken.
 */
export function handleClientRead(node: LocalNode, limits: GrpcLimits): UnaryHandler {
  return async (bytes, context) => {
    try {
      const request = decodeRequest(client.ClientReadRequestSchema, bytes);
      if (request.keys.length > limits.readKeysMax) {
        throw new EngineError(
          "INVALID_REQUEST",
          `${request.keys.length} keys in one read, at most ${limits.readKeysMax} allowed`,
        );
      }
      const values = await node.read(request.keys, {
        consistency: consistencyOf(request.consistencyPolicy),
        ...context,
      });
      return successAnswer({ case: "readData", value: resultsOf(request.keys, values, limits) });
    } catch (error) {
      return errorAnswer(error, "read");
    }
  };
}

function resultsOf(
  keys: readonly Uint8Array[],
  values: readonly (Uint8Array | undefined)[],
  limits: GrpcLimits,
): client.ReadResults {
  const size = new AnswerBytes(limits.answerBytesMax, "ask for fewer keys at once");
  const results: client.ClientResult[] = [];
  keys.forEach((key, at) => {
    const value = values[at];
    if (value === undefined) return;
    size.add(key, value);
    results.push(create(client.ClientResultSchema, { key, value }));
  });
  return create(client.ReadResultsSchema, { results });
}
