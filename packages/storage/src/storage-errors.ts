import { EngineError, InvariantViolation } from "@d-engine/core";

/** The system's name of an error (`EIO`), when it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether an operation failed for want of space, which may come back. */
export function isNoSpace(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOSPC" || errno === "EDQUOT";
}

/**
 * What a failed operation on the disk means to the caller. Missing rights are told apart, because
 * only a person can grant them; everything else is a disk that cannot be relied on.
 */
export function storageError(doing: string, path: string, error: unknown): Error {
  if (error instanceof EngineError || error instanceof InvariantViolation) return error;
  const errno = errnoOf(error) ?? String(error);
  if (errno === "EACCES" || errno === "EPERM" || errno === "EROFS") {
    return new EngineError(
      "STORAGE_PERMISSION_DENIED",
      `${doing} ${path} failed: ${errno}; give this user write access or choose another directory`,
      { cause: error },
    );
  }
  if (doing === "creating" && noPlace.has(errno)) {
    return new EngineError(
      "INVALID_REQUEST",
      `${path} cannot be made a data directory: ${errno}; choose the path of a directory`,
      { cause: error },
    );
  }
  return new EngineError(
    "STORAGE_IO_ERROR",
    `${doing} ${path} failed: ${errno}; the node stops, because the disk cannot be relied on`,
    { cause: error },
  );
}

/** What the system says of a path at which there can be no directory; the disk is well. */
const noPlace = new Set(["EEXIST", "ENOTDIR", "ENOENT", "ENAMETOOLONG", "ELOOP", "EINVAL"]);

/** Runs one disk operation and names it, and the file, in what it rejects with. */
export async function naming<T>(
  doing: string,
  path: string,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw storageError(doing, path, error);
  }
}

/** Stored bytes that are not what was written, and what can be done about it. */
export function dataCorruption(path: string, offset: number, what: string): EngineError {
  return new EngineError(
    "DATA_CORRUPTION",
    `${path} is damaged at byte ${offset}: ${what}; acknowledged writes may be lost, so the node ` +
      "does not start: run 'd-engine repair', or empty the directory and let it rejoin as a learner",
  );
}
