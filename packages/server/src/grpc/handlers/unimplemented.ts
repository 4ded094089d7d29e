import { EngineError } from "@d-engine/core";

/** The answer of every method that the contract has and this version has not. */
export function unimplemented(method: string): () => never {
  return () => {
    throw new EngineError("UNIMPLEMENTED", `${method} is not part of this version`);
  };
}
