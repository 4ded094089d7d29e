import type { Mutation } from "./mutation.js";

const kv = "packages/kv/src";
const server = "packages/server/src";
const client = "packages/client";

/** Users, roles, tokens, and where they are looked at. */
export const authMutations: readonly Mutation[] = [
  {
    name: "right-not-looked-at-in-the-log",
    breaks: "a put in flight takes effect behind the end of its right",
    file: `${kv}/execute.ts`,
    find: "if (denial !== undefined) return refused(store, denial);",
    replace: "",
    tests: [`${kv}/auth/auth.test.ts`],
  },
  {
    name: "right-of-the-usual-put-not-looked-at",
    breaks: "the same, the short way",
    file: `${kv}/auth/named-put.ts`,
    find: "return access.mayWrite({ from, to: from + lowestByte }) ? put : undefined;",
    replace: "return put;",
    tests: [`${kv}/auth/named-put.test.ts`],
  },
  {
    name: "rights-remembered-for-ever",
    breaks: "what a user may do is that of before the change",
    file: `${kv}/auth/named-put.ts`,
    find: "this.#auth === auth && endsWith(",
    replace: "endsWith(",
    tests: [`${kv}/auth/named-put.test.ts`],
  },
  {
    name: "old-password-still-good",
    breaks: "what was authenticated with a password outlives it",
    file: `${kv}/auth/auth-state.ts`,
    find: "if (user?.epoch === identity.epoch)",
    replace: "if (user !== undefined)",
    tests: [`${kv}/auth/auth.test.ts`],
  },
  {
    name: "branch-not-taken-unguarded",
    breaks: "a compare tells what may not be read",
    file: `${kv}/auth/authorize.ts`,
    find: "first(failure, (one) => operation(store, one, access))",
    replace: "undefined",
    tests: [`${kv}/auth/auth.test.ts`],
  },
  {
    name: "session-of-another",
    breaks: "R17: results are told to whom they do not belong",
    file: `${kv}/sessions/session-table.ts`,
    find: "known?.owner !== owner;",
    replace: "false;",
    tests: [`${kv}/auth/auth.test.ts`],
  },
  {
    name: "watch-outlives-its-right",
    breaks: "events behind a revocation are told",
    file: `${server}/driver/kv-node.ts`,
    find: "store.onAuthChanged = () => this.#watches.reviewReaders();",
    replace: "",
    tests: [`${client}/test/auth.test.ts`],
  },
  {
    name: "members-changed-by-anybody",
    breaks: "a user without the role root removes a member",
    file: `${server}/grpc/handlers/update-cluster-conf.ts`,
    find: 'node.auth.checkRoot(caller, "change the members");',
    replace: "",
    tests: [`${server}/auth/every-rpc.test.ts`],
  },
  {
    name: "token-of-another-cluster",
    breaks: "a restored backup takes the tokens of where it is from",
    file: `${server}/auth/token.ts`,
    find: "[clusterId, claims].join",
    replace: "[claims].join",
    tests: [`${server}/auth/token.test.ts`],
  },
  {
    name: "session-opened-with-an-old-token",
    breaks: "a client is refused although it has authenticated anew",
    file: `${client}/src/connection.ts`,
    find: "this.#sessions.replace();",
    replace: "",
    tests: [`${client}/test/auth.test.ts`],
  },
];
