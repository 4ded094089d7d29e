/** Known reasons of a broken handshake, and what can be done about each. The first that fits counts. */
const waysOut: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long/i, "does the node speak TLS?"],
  [/altnames/i, "set serverName (--server-name)"],
  [/expired/i, "renew the node's certificate"],
  [
    /self.signed|unable to (?:get|verify)/i,
    "give the authority that issued the node's certificate as ca (--ca)",
  ],
  [
    /alert|ECONNRESET|disconnected before/i,
    "does the node want a certificate of its authority (--cert, --key)?",
  ],
];

/** Why a connection over TLS did not come about, as the gRPC library told it, in one line. */
export function tlsFailure(details: string): string | undefined {
  const reason = /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(details)?.[1];
  if (reason === undefined || reason === "null") return undefined;
  const text = reason.replaceAll(/\s+/g, " ").trim();
  // OpenSSL packs its reason in numbers, functions and source files.
  const line = /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(text)?.[1] ?? text;
  const wayOut = waysOut.find(([pattern]) => pattern.test(line))?.[1];
  return wayOut === undefined ? line : `${line}; ${wayOut}`;
}
