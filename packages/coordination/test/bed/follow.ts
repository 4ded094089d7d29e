/** How a promise stands at this moment. */
export interface Followed<T> {
  readonly isSettled: boolean;
  /** What it was resolved with. */
  readonly value: T | undefined;
  /** What it was rejected with. */
  readonly error: unknown;
}

/** Follows a promise, so that a test can look at it while it moves the time. */
export function follow<T>(promise: Promise<T>): Followed<T> {
  const followed = { isSettled: false, value: undefined as T | undefined, error: undefined };
  promise.then(
    (value) => Object.assign(followed, { isSettled: true, value }),
    (error: unknown) => Object.assign(followed, { isSettled: true, error }),
  );
  return followed;
}
