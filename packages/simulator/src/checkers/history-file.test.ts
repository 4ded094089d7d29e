import { describe, expect, it } from "vitest";
import { parseHistory } from "./history-file.js";

const good = `{"client":"c","op":"put","key":"k","value":"v","call":1,"return":2,"status":"ok"}`;

describe("parseHistory", () => {
  it("reads one operation a line and passes over empty lines and remarks", () => {
    const [operation, ...rest] = parseHistory(`# run 7\n\n${good}\n`);
    expect(operation).toMatchObject({ op: "put", key: "k", value: "v", call: 1, return: 2 });
    expect(rest).toEqual([]);
  });

  it("keeps nanoseconds beyond 2^53 exact", () => {
    const line = good.replace(
      '"call":1,"return":2',
      '"call":9007199254740993,"return":9007199254740995',
    );
    expect(parseHistory(line)[0]).toMatchObject({
      call: 9_007_199_254_740_993n,
      return: 9_007_199_254_740_995n,
    });
  });

  it("takes no time out of a value", () => {
    const line = good.replace('"v"', JSON.stringify('x "call":99 '));
    expect(parseHistory(line)[0]).toMatchObject({ call: 1, value: 'x "call":99 ' });
  });

  it.each([
    { name: "what is not JSON", line: "{", message: /line 1: not JSON/ },
    { name: "an unknown operation", line: good.replace("put", "push"), message: /"op" must be/ },
    { name: "an unknown status", line: good.replace("ok", "maybe"), message: /"status" must be/ },
    {
      name: "an answer without an end",
      line: good.replace('"return":2,', ""),
      message: /needs "return"/,
    },
    {
      name: "an end before the call",
      line: good.replace('"return":2', '"return":0'),
      message: /lies before/,
    },
    {
      name: "a put without a value",
      line: good.replace('"value":"v",', ""),
      message: /needs a "value"/,
    },
    {
      name: "a cas that does not say whether it was set",
      line: good.replace("put", "cas"),
      message: /needs "done"/,
    },
  ])("refuses $name and names the line", ({ line, message }) => {
    expect(() => parseHistory(line)).toThrow(message);
  });
});
