/**
 * Instances announce themselves for as long as they live; a client knows at any moment who is there.
 *
 *     node examples/service-registry/main.mjs [DIRECTORY]
 */
import { discover, register } from "@d-engine/coordination";
import { EmbeddedEngine } from "d-engine";

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/service-registry");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  const services = discover(engine.client(), "api");
  await services.ready();
  const changes = services.changes();
  const show = async (/** @type {string} */ what) => {
    await changes.next();
    const urls = services.entries().map(([id, { url }]) => `${id} at ${url}`);
    console.log(`${what}: ${urls.length === 0 ? "nobody" : urls.join(", ")}`);
  };

  const first = await register(engine.client(), "api", "api-1", { url: "http://10.0.0.7:8080" });
  await show("one comes");
  const dying = engine.client();
  await register(dying, "api", "api-2", { url: "http://10.0.0.8:8080" }, { ttlMs: 1_000 });
  await show("another comes");

  // As when its process is killed: nobody says goodbye, and its lease ends.
  await dying.close();
  await show("a second later");

  await first.update({ url: "http://10.0.0.9:8080" });
  await show("it has moved");
  await first.close();
  await show("and says goodbye");
  await changes.return?.();
  await services.close();
} finally {
  await engine.close();
}
