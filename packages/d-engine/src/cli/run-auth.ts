import type { AuthAdmin } from "@d-engine/client";
import type { CliIo } from "./cli-io.js";
import { EXIT } from "./exit-codes.js";
import type { Finish } from "./finish.js";
import { type RemoteOptions, withAuth } from "./remote-options.js";

/** Makes a change of users or roles, and says that it is `done`. */
export function authChanges(io: CliIo, finish: Finish) {
  return (
    options: RemoteOptions,
    done: string,
    use: (auth: AuthAdmin) => Promise<void>,
  ): Promise<void> =>
    finish("writes", options, async () => {
      await withAuth(options, use);
      io.out(options.json ? "{}\n" : `ok, ${done}\n`);
      return EXIT.ok;
    });
}
