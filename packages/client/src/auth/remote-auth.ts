import { auth, create, fromBinary, toBinary } from "@d-engine/proto";
import { AdminCaller } from "../admin/admin-caller.js";
import { type ConnectOptions, resolveConnectOptions } from "../connect-options.js";
import { pathOf } from "../grpc-bytes.js";
import { systemClock, systemRandom } from "../internal/system-clock.js";
import { type AuthAdmin, type AuthPort, PortAuthAdmin } from "./auth-admin.js";

/**
 * The users and roles of a cluster that is reached through any of its nodes. Nothing is asked before
 * the first call.
 *
 * @throws EngineError `INVALID_ADDRESS` or `INVALID_REQUEST` for arguments that cannot be used
 * @example
 * await using auth = connectAuth(["127.0.0.1:9081"], { user: "root", password });
 * await auth.addRole("readers");
 * await auth.grantPermission("readers", "read", { prefix: "config/" });
 */
export function connectAuth(endpoints: readonly string[], options: ConnectOptions = {}): AuthAdmin {
  return new PortAuthAdmin(connectAuthPort(endpoints, options));
}

/** What `connectAuth` stands on. */
export function connectAuthPort(endpoints: readonly string[], options: ConnectOptions): AuthPort {
  const resolved = resolveConnectOptions(endpoints, options);
  const caller = new AdminCaller(resolved, { clock: systemClock, random: systemRandom });
  const { change, describe } = auth.AuthService.method;
  return {
    change: (request, options) =>
      caller.run(
        {
          operation: "write",
          route: "leader",
          path: pathOf(change),
          body: toBinary(auth.ChangeRequestSchema, create(auth.ChangeRequestSchema, request)),
          decode: (body) => fromBinary(auth.ChangeResponseSchema, body),
        },
        options,
      ),
    describe: (options) =>
      caller.run(
        {
          operation: "read",
          route: "leader",
          path: pathOf(describe),
          body: new Uint8Array(0),
          decode: (body) => fromBinary(auth.DescribeResponseSchema, body),
        },
        options,
      ),
    close: async () => caller.close(),
  };
}
