import { EngineError } from "@d-engine/core";

/** Every key of a recipe begins with this, so that the recipes meet no key of the program. */
const root = "_coordination/";

/** Leaves room for what a recipe appends, within the longest key that a store may take. */
const nameCharsMax = 400;

/**
 * The prefix of all keys of one recipe of this name, `_coordination/KIND/NAME/`. No prefix begins
 * with another: in the name all but letters, digits and `-_.!~*'()` is escaped, slashes too.
 *
 * @throws EngineError `INVALID_REQUEST` for a name that is empty, too long, or no text
 */
export function recipePrefix(kind: string, name: string): string {
  if (typeof name !== "string" || name === "") {
    const got = name === "" ? "an empty one" : typeof name;
    throw new EngineError("INVALID_REQUEST", `a ${kind} needs a name that is a string, got ${got}`);
  }
  const escaped = escapedName(kind, name);
  if (escaped.length <= nameCharsMax) return `${root}${kind}/${escaped}/`;
  throw new EngineError(
    "INVALID_REQUEST",
    `the name of the ${kind} takes ${escaped.length} bytes as part of a key, at most ${nameCharsMax}`,
  );
}

function escapedName(kind: string, name: string): string {
  try {
    return encodeURIComponent(name);
  } catch (cause) {
    const what = `the name of the ${kind} holds half of a surrogate pair`;
    throw new EngineError("INVALID_REQUEST", what, { cause });
  }
}
