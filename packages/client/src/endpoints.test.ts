import { describe, expect, it } from "vitest";
import { endpointsMax, parseEndpoints, parseHostPort } from "./endpoints.js";

describe("parseHostPort", () => {
  it.each([
    { text: "127.0.0.1:9081", host: "127.0.0.1", port: 9081, canonical: "127.0.0.1:9081" },
    { text: "http://127.0.0.1:9081", host: "127.0.0.1", port: 9081, canonical: "127.0.0.1:9081" },
    {
      text: "http://Node-1.Example:1/",
      host: "Node-1.Example",
      port: 1,
      canonical: "node-1.example:1",
    },
    { text: " localhost:65535 ", host: "localhost", port: 65535, canonical: "localhost:65535" },
    { text: "[::1]:9081", host: "::1", port: 9081, canonical: "[::1]:9081" },
    { text: "http://[FE80::1]:9081", host: "FE80::1", port: 9081, canonical: "[fe80::1]:9081" },
    { text: "h:0080", host: "h", port: 80, canonical: "h:80" },
  ])('reads "$text"', ({ text, host, port, canonical }) => {
    expect(parseHostPort(text)).toEqual({ host, port, text: canonical });
  });

  it.each([
    "",
    ":9081",
    "9081",
    "localhost",
    "localhost:",
    "localhost:0",
    "localhost:65536",
    "localhost:123456",
    "localhost:-1",
    "::1:9081",
    "a b:9081",
    "https://h:9081",
    "ftp://h:9081",
    "http://h:9081/path",
    "-h:9081",
    "user@h:9081",
  ])('refuses "%s" in one line that shows it', (text) => {
    const attempt = () => parseHostPort(text);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_ADDRESS" }));
    expect(attempt).toThrow(new RegExp(`^[^\\n]*"${text.replace(/[/.]/g, "\\$&")}"[^\\n]*$`));
  });

  it("takes port 0 only where the system may choose it", () => {
    expect(parseHostPort("h:0", { portMin: 0 }).port).toBe(0);
  });
});

describe("parseEndpoints", () => {
  it("keeps the order and drops repetitions of one address in another spelling", () => {
    expect(parseEndpoints(["b:2", "http://a:1", "A:1", "b:02"])).toEqual(["b:2", "a:1"]);
  });

  it("refuses none and too many", () => {
    expect(() => parseEndpoints([])).toThrow(/no endpoint/);
    const many = Array.from({ length: endpointsMax + 1 }, (_, at) => `h:${at + 1}`);
    expect(() => parseEndpoints(many)).toThrow(/at most 64/);
  });
});
