import { encodeKvQueryResult } from "@d-engine/codec";
import { kvService } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { bytesOfField, consistencyOf, decodeRequest, queryOf } from "../decode-request.js";

/** Answers one query. `QueryResult` has no error: see `UnaryHandler`. */
export function query(node: LocalNode): UnaryHandler {
  return async (bytes, context) => {
    const schema = kvService.QueryRequestSchema;
    const { consistencyPolicy } = decodeRequest(schema, bytes);
    const asked = queryOf(bytesOfField(schema, schema.field.query.number, bytes));
    const consistency = consistencyOf(consistencyPolicy);
    return { body: encodeKvQueryResult(await node.query(asked, { consistency, ...context })) };
  };
}
