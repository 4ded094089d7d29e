import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { readScript } from "./read-script.js";

describe("a script of lines", () => {
  it("has comparisons, then, else, with an empty line between", () => {
    const text = [
      "# who has it?",
      'value("owner") = "me and you"',
      "version(owner) > 3",
      "",
      "put owner 'you \\n' --ttl 30s",
      "# nothing to see",
      "get config/ --prefix --limit 2 --order descending --keys-only",
      "",
      'del "a\\tb" --range-end z',
    ].join("\n");
    expect(readScript(text)).toEqual([
      { line: 2, part: "if", condition: { key: "owner", value: { equal: "me and you" } } },
      { line: 3, part: "if", condition: { key: "owner", version: { greater: 3 } } },
      {
        line: 5,
        part: "then",
        step: { kind: "put", key: "owner", value: "you \\n", ttlMs: 30_000 },
      },
      {
        line: 7,
        part: "then",
        step: {
          kind: "range",
          keys: { prefix: "config/" },
          limit: 2,
          order: "descending",
          keysOnly: true,
          countOnly: false,
        },
      },
      { line: 9, part: "else", step: { kind: "delete", keys: { start: "a\tb", end: "z" } } },
    ]);
  });

  it("may leave a part empty, as etcdctl's may", () => {
    expect(readScript("\nput a 1\n")).toMatchObject([{ part: "then" }]);
    expect(readScript("\n\nput a 1\n\n")).toMatchObject([{ part: "else" }]);
    expect(readScript("")).toEqual([]);
  });

  it.each([
    ['exists("k")', { key: "k", exists: true }],
    ["missing(k)", { key: "k", exists: false }],
    ['value("a)b") != "x"', { key: "a)b", value: { notEqual: "x" } }],
    ['value("k") = ""', { key: "k", value: { equal: "" } }],
    ["mod('k') < \"7\"", { key: "k", modRevision: { less: 7 } }],
    ["create(k) = 0", { key: "k", createRevision: { equal: 0 } }],
    ["lease( k ) = 5", { key: "k", lease: { equal: 5 } }],
  ])("compares %s", (text, condition) => {
    expect(readScript(text)).toEqual([{ line: 1, part: "if", condition }]);
  });

  it.each([
    { text: "\nvalue(k) = x", says: /^line 2: a step is one of put, get, del$/ },
    { text: "mod(k) = x", says: /^line 1: a whole number is compared with, got "x"$/ },
    { text: "colour(k) = x", says: /^line 1: cannot compare colour; there are value, version/ },
    { text: "exists(k) = 1", says: /^line 1: exists\(…\) is compared with nothing$/ },
    { text: "value(k)", says: /^line 1: value\(…\) must be compared by =, !=, < or >$/ },
    { text: "value(k) = a b", says: /^line 1: one value is compared with, got 2; quote it$/ },
    { text: "k = x", says: /^line 1: no comparison; they look like value\("key"\) = "x"/ },
    { text: "\n# a\nput a 'b", says: /^line 3: cannot read 'b; is a quote missing\?$/ },
    { text: '\nput a "\\q"', says: /^line 2: there is no escape \\q$/ },
    { text: '\nput a "\\xff"', says: /^line 2: \\xff is no text; the JSON form takes/ },
    { text: "\nput a", says: /^line 2: missing required argument 'value'$/ },
    { text: "\nput a b c", says: /^line 2: too many arguments for 'put'/ },
    { text: "\nput a b --ttl 30", says: /^line 2: .*time with its unit/ },
    { text: "\nput a b --ttl 3s --lease 4", says: /^line 2: .*cannot be used with/ },
    { text: "\nget b --range-end a", says: /^line 2: --range-end "a" must lie above "b"$/ },
    { text: "\nget a --rev 3", says: /^line 2: unknown option '--rev'/ },
    { text: "\n\n\nput a b", says: /^line 4: a transaction has three parts/ },
  ])("is refused with its line: $text", ({ text, says }) => {
    expect(refusal(text)).toMatch(says);
  });
});

describe("a script in JSON", () => {
  it("is a transaction as the API has it", () => {
    const script = `{
      "if": [
        {"key": "owner", "value": {"notEqual": "me"}},
        {"key": {"prefix": "a/"}, "exists": true}
      ],
      "then": [{"kind": "put", "key": {"base64": "AP8="}, "value": "1", "ttlMs": 5}],
      "else": [
        {"kind": "txn", "if": [{"key": "k", "version": 2}], "then": [{"kind": "delete", "keys": "k"}]},
        {"kind": "range", "keys": {"start": "a", "end": "b"}, "limit": 3, "order": "descending"}
      ]
    }`;
    expect(readScript(script)).toEqual([
      { line: 3, part: "if", condition: { key: "owner", value: { notEqual: "me" } } },
      { line: 4, part: "if", condition: { key: { prefix: "a/" }, exists: true } },
      {
        line: 6,
        part: "then",
        step: { kind: "put", key: Buffer.of(0, 255), value: "1", ttlMs: 5 },
      },
      {
        line: 8,
        part: "else",
        step: {
          kind: "txn",
          if: [{ key: "k", version: 2 }],
          // biome-ignore lint/suspicious/noThenProperty: the name that transactions have
          then: [{ kind: "delete", keys: "k" }],
          else: [],
        },
      },
      {
        line: 9,
        part: "else",
        step: { kind: "range", keys: { start: "a", end: "b" }, limit: 3, order: "descending" },
      },
    ]);
  });

  it.each([
    {
      text: '{"if": [],\n "then" [] }',
      says: /^line 2: a colon after "then" was expected, got \[$/,
    },
    { text: '{"if": [\n}', says: /^line 2: a value was expected, got \}$/ },
    { text: '{"then": []\n"else": []}', says: /^line 2: a comma or \} was expected, got "else"$/ },
    { text: '{"then":\n [tru]}', says: /^line 2: tru\]\} is no JSON$/ },
    { text: '{"then": [\n', says: /^line 1: it ends where a value was expected$/ },
    { text: '{"then": []}\n{', says: /^line 2: more after the end/ },
    { text: '{"then": [],\n"then": []}', says: /^line 2: then stands here twice$/ },
    {
      text: '{\n"when": []}',
      says: /^line 2: a transaction has no when; there are if, then, else$/,
    },
    { text: '{"then": {}}', says: /^line 1: then is a list$/ },
    { text: '{"then": [\n{"kind": "pot"}]}', says: /^line 2: a step's kind is one of put, delete/ },
    {
      text: '{"then": [{"kind": "put",\n"ttl": 5}]}',
      says: /^line 2: a put has no ttl; there are/,
    },
    { text: '{"then": [{"kind": "put",\n"lease": "5"}]}', says: /^line 2: lease is a number$/ },
    {
      text: '{"then": [{"kind": "delete",\n"keys": {"from": "a"}}]}',
      says: /^line 2: keys has no from/,
    },
    {
      text: '{"if": [{"key": "k",\n"value": {"greater": 1, "less": 5}}]}',
      says: /^line 2: a test/,
    },
    {
      text: '{"then": [{"kind": "put",\n"value": {"base64": "*"}}]}',
      says: /^line 2: "\*" is no b/,
    },
    { text: `{"if": ${"[".repeat(70)}`, says: /^line 1: nested more than 64 deep$/ },
  ])("is refused with its line: $text", ({ text, says }) => {
    expect(refusal(text)).toMatch(says);
  });
});

function refusal(text: string): string {
  try {
    readScript(text);
  } catch (error) {
    if (isEngineError(error, "INVALID_REQUEST")) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}
