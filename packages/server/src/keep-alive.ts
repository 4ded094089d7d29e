/**
 * Keeps the process from exiting while somebody waits for something that only background timers
 * bring about. Node ends a process whose remaining timers are all `unref`ed, even when a promise
 * is being awaited.
 */
export class KeepAlive {
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Holds until the returned function is called; calling it again does nothing. */
  hold(): () => void {
    this.enter();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.leave();
    };
  }

  /** As `hold`, for who counts by itself: each is followed by one `leave`. */
  enter(): void {
    this.#holds += 1;
    this.#timer ??= setInterval(idle, intervalMs);
  }

  leave(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Holds while `promise` is pending. */
  async during<T>(promise: Promise<T>): Promise<T> {
    const release = this.hold();
    try {
      return await promise;
    } finally {
      release();
    }
  }
}

const intervalMs = 60_000;

function idle(): void {
  // The interval exists for its reference alone.
}
