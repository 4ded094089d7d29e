/**
 * Configuration that every process has at hand, without asking: a map kept by a watch, with values
 * that are checked before they are shown.
 *
 *     node examples/live-configuration/main.mjs [DIRECTORY]
 */
import { map } from "@d-engine/coordination";
import { EmbeddedEngine } from "d-engine";

/**
 * Anything with `parse` does: a schema of zod or valibot, or a function like this one.
 *
 * @param {any} value
 * @returns {{ perSecond: number }}
 */
function check(value) {
  if (typeof value?.perSecond !== "number" || value.perSecond < 1) {
    throw new TypeError("perSecond must be a number from 1 up");
  }
  return value;
}

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/live-configuration");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  const admin = map(engine.client(), "limits/", { check });
  const service = map(engine.client(), "limits/", {
    check,
    onInvalid: ({ key, error }) => console.log(`kept the last good ${key}: ${error}`),
  });
  await Promise.all([admin.ready(), service.ready()]);

  const revision = await admin.set("uploads", { perSecond: 20 });
  await service.at(revision);
  // Synchronous, and as fast as any map.
  console.log(`uploads: ${service.get("uploads")?.perSecond} a second`);

  await admin.set("uploads", { perSecond: -5 }).catch((/** @type {Error} */ error) => {
    console.log(error.message);
  });
  // Somebody writes past the check: the service stays with what was good.
  const { revision: wrong } = await engine.client().put("limits/uploads", '{"perSecond":0}');
  await service.at(wrong);
  console.log(`uploads: ${service.get("uploads")?.perSecond} a second`);

  const changes = service.changes();
  await admin.set("uploads", { perSecond: 50 });
  const { value } = await changes.next();
  for (const change of value?.changes ?? []) {
    if (change.kind === "set") console.log("set", change.key, change.value);
  }
  await changes.return?.();
  await Promise.all([admin.close(), service.close()]);
} finally {
  await engine.close();
}
