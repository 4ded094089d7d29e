import { encodeCommandResult, Slab } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { client, create } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { errorAnswer, successAnswer } from "../client-response.js";
import { commandOfWriteRequest } from "../decode-request.js";

/**
 * Executes one write. The command's bytes are taken as they are; the leader's state machine
 * decodes and validates them before they enter the log (rule R14).
 */
export function handleClientWrite(node: LocalNode): UnaryHandler {
  const commands = new Slab();
  return async (request, context) => {
    try {
      const command = commandOfWriteRequest(request);
      if (command.length === 0) {
        throw new EngineError(
          "INVALID_REQUEST",
          "the request has no command, or one that is empty",
        );
      }
      // A copy: the entry lives as long as the log, and a view would keep the buffer that the
      // connection was read into alive with it.
      const owned = commands.copy(command);
      const { succeeded, revision, existed, detail } = await node.write(owned, context);
      const value = create(client.WriteResultSchema, {
        succeeded,
        revision: BigInt(revision),
        existed,
        ...(detail === undefined ? {} : { detail: encodeCommandResult(detail) }),
      });
      return successAnswer({ case: "writeResult", value });
    } catch (error) {
      return errorAnswer(error, "write");
    }
  };
}
