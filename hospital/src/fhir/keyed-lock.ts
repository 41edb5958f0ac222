/**
 * One after the other where the same name is written: two writers who both find that an id is free would make two records.
 *
 * @module
 */
export class KeyedLock {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` when everything before it under any of the keys has ended. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.flatMap((key) => this.#last.get(key) ?? [])
    const run = Promise.all(before).then(work)
    const ended = run.then(
      () => undefined,
      () => undefined,
    )
    for (const key of keys) this.#last.set(key, ended)
    try {
      return await run
    } finally {
      for (const key of keys) if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}
