import { decodeKvQueryResult } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../test/test-server.js";

const QUERY = "/d_engine.kv.v1.KvService/Query";
/** A range over the key `k` at revision 7. */
const rangeOfK = "0a 07 0a 05 0a 01 6b 20 07";

let test: TestServer;
beforeEach(async () => {
  test = await startTestServer();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  expect(test.bugs).toEqual([]);
});

describe("KvService.Query", () => {
  it("answers with what the node answers, at the level that is asked for", async () => {
    const result = { kind: "range" as const, entries: [], count: 2, more: true, revision: 7 };
    test.node.queryResult = result;
    const { body } = await test.raw.unary(QUERY, hex(`${rangeOfK} 10 01`));
    expect(decodeKvQueryResult(body ?? hex(""))).toEqual(result);
    expect(test.node.queries).toMatchObject([{ kind: "range", revision: 7 }]);
    expect(test.node.seen).toMatchObject([{ options: { consistency: "linearizable" } }]);
  });

  it.each([
    { name: "no query", request: "" },
    { name: "a query of no kind", request: "0a 00" },
    { name: "a kind of a later version", request: "0a 04 fa 01 01 00" },
    { name: "malformed bytes", request: "0a 05 0a" },
    { name: "a level that is none", request: `${rangeOfK} 10 07` },
  ])("refuses $name as INVALID_ARGUMENT", async ({ request }) => {
    const answer = await test.raw.unary(QUERY, hex(request));
    expect(answer).toMatchObject({
      status: "INVALID_ARGUMENT",
      trailers: { "x-d-engine-code": "4003" },
    });
  });

  it.each([
    { code: "COMPACTED", status: "FAILED_PRECONDITION", number: "10007" },
    { code: "LEASE_NOT_FOUND", status: "FAILED_PRECONDITION", number: "10008" },
    { code: "OUTCOME_UNKNOWN", status: "DEADLINE_EXCEEDED", number: "10000" },
    { code: "CLUSTER_UNAVAILABLE", status: "UNAVAILABLE", number: "4005" },
  ] as const)("sends $code as $status with its number (R20)", async ({ code, status, number }) => {
    test.node.refusal = new EngineError(code, "no");
    const answer = await test.raw.unary(QUERY, hex(rangeOfK));
    expect(answer).toMatchObject({ status, trailers: { "x-d-engine-code": number } });
  });
});

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}
