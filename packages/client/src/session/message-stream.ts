/** A stream of encoded messages both ways, in order: all that a session knows of the network. */
export interface MessageStream {
  send(message: Uint8Array): void;
  /** No more is sent; the other side ends the stream when it has answered. */
  end(): void;
  /** Breaks the stream. Idempotent. */
  cancel(): void;
}

export interface MessageStreamListener {
  received(message: Uint8Array): void;
  /** The stream is over, for whatever reason. Called once, and last. */
  ended(end: MessageStreamEnd): void;
}

/**
 * - `unknown`: the other side does not know this kind of stream.
 * - `refused`: it does not want another one now.
 * - `over`: anything else, a proper end included.
 */
export interface MessageStreamEnd {
  readonly kind: "unknown" | "refused" | "over";
  /** One line: which node, and what happened. */
  readonly message: string;
}

/** Opens a stream to one node; what becomes of it is told to the listener, later. */
export type OpenMessageStream = (listener: MessageStreamListener) => MessageStream;
