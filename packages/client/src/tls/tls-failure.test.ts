import { describe, expect, it } from "vitest";
import { tlsFailure } from "./tls-failure.js";

const told = (reason: string) =>
  `No connection established. Last error: ${reason}. Resolution note: `;

describe("tlsFailure", () => {
  it.each([
    [
      "Error: 14F0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl.c:350:\n",
      "does the node speak TLS?",
    ],
    ["Error: Hostname/IP does not match certificate's altnames: x", "(--server-name)"],
    ["Error: certificate has expired", "renew"],
    ["Error: self-signed certificate in certificate chain", "(--ca)"],
    ["Error: unable to verify the first certificate", "(--ca)"],
    ["Error: SSL alert number 116", "(--cert, --key)"],
    ["read ECONNRESET", "(--cert, --key)"],
  ])("says what to do about %j", (reason, wayOut) => {
    const line = tlsFailure(told(reason));
    expect(line).toContain(wayOut);
    expect(line).toMatch(/^(?!Error).*[^\s].*$/);
    expect(line).not.toMatch(/Resolution note|0A00010B|ssl\.c/);
  });

  it("tells what it does not know as it is, and of nothing nothing", () => {
    expect(tlsFailure(told("connect ECONNREFUSED 127.0.0.1:1"))).toBe(
      "connect ECONNREFUSED 127.0.0.1:1",
    );
    expect(tlsFailure("Deadline exceeded")).toBeUndefined();
    expect(tlsFailure(told("null"))).toBeUndefined();
  });
});
