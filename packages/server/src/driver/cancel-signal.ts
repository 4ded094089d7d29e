/**
 * What the driver needs of an `AbortSignal`. Every `AbortSignal` is one; a caller with thousands
 * of calls under way may bring something that costs less.
 */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
