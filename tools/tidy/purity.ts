import { matches, type SourceFile, type Violation } from "./source.js";

/**
 * What makes a run depend on more than its inputs. The compiler settings of the pure packages
 * already hide most of it; what the language itself offers stands here, and so do the ways around
 * those settings.
 */
const impure =
  /\b(?:Date|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|Intl|globalThis|localeCompare|toLocale\w*)\b|\bMath\.random\b|\beval\(|\bdeclare\s+(?:const|let|var|function|class|global)\b/g;

/** The driver and its watches own byte buffers and may name the platform's types, but take time from a port. */
const impureInDriver =
  /\b(?:Date|performance|setTimeout|setInterval|setImmediate|process)\b|\bMath\.random\b/g;

const purePackages = /^packages\/(?:core|codec|kv)\/src\//;
const driver = /^packages\/server\/src\/(?:driver|watch)\//;

/** `core`, `codec` and `kv` are functions of their inputs; the driver sees the world by ports. */
export function findImpurity(file: SourceFile): Violation[] {
  if (/\.test\.ts$|\/testing\//.test(file.path)) return []; // these drive what they test
  const isDriver = driver.test(file.path);
  if (!isDriver && !purePackages.test(file.path)) return [];
  const platform = file.imports
    .filter(({ specifier }) => /^node:|^@grpc\//.test(specifier))
    .map(({ specifier, line }) => ({
      path: file.path,
      line,
      message: `imports ${specifier}, which only code outside the ports may`,
    }));
  const found = matches(
    file,
    "code",
    isDriver ? impureInDriver : impure,
    (name) => `uses ${name}: time, chance and the platform enter as inputs or ports`,
  );
  return [...platform, ...found];
}
