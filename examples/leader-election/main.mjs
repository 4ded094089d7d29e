/**
 * Several workers stand for election; one leads and does the work, the others stand by. Here they are
 * three clients of one engine; in production each is a process of its own, with `connect`.
 *
 *     node examples/leader-election/main.mjs [DIRECTORY]
 */
import { observe, runAsLeader } from "@d-engine/coordination";
import { EmbeddedEngine } from "d-engine";

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/leader-election");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  const names = ["anna", "bert", "cleo"];
  const done = new AbortController();

  // Anybody may look on: who leads now, and each change of it.
  const watching = (async () => {
    const text = new TextDecoder();
    for await (const leader of observe(engine.client(), "reports", { signal: done.signal })) {
      console.log(leader === undefined ? "nobody leads" : `${text.decode(leader.value)} leads`);
    }
  })().catch((error) => {
    if (!done.signal.aborted) throw error;
  });

  let reports = 0;
  await Promise.all(
    names.map((name) =>
      runAsLeader(
        engine.client(),
        "reports",
        async ({ token }) => {
          reports += 1;
          console.log(`${name} writes report ${reports} with token ${token}`);
          // When it returns it resigns, and who stood next leads.
        },
        { value: name },
      ),
    ),
  );
  done.abort();
  await watching;
  console.log(`${reports} reports, one at a time`);
} finally {
  await engine.close();
}
