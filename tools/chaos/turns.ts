/** Lets one at a time do what others must not meet, in the order in which they asked. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const own = before.then(work);
    this.#last = own.catch(() => undefined);
    return await own;
  }
}
