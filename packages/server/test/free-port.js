import { createServer } from "node:net";

const first = 20_000;
const count = 12_000;
let next = Math.floor(Math.random() * count);
/** A loopback port that nobody listens on, below the range from which the system gives its own. */
export async function freePort() {
  for (let tries = 0; tries < 200; tries += 1) {
    next = (next + 1) % count;
    if (await isFree(first + next)) return first + next;
  }
  throw new Error(`no free port in ${first}-${first + count - 1}`);
}
function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
//# sourceMappingURL=free-port.js.map
