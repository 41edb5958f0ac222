/**
 * The wire between a client and the record server, with somebody on it: sees every session record and can send it again
 * or change it. What it sees is ciphertext.
 *
 * @module
 */
import type { Transport } from '../../../sdk/src/ports.ts'

export class TappedTransport implements Transport {
  readonly #wire: Transport
  /** The newest record on its way to the server. */
  last: Uint8Array | undefined
  /** Applied to the next record only. */
  alterNext: ((record: Uint8Array) => Uint8Array) | undefined

  constructor(wire: Transport) {
    this.#wire = wire
  }

  hello(hello: Uint8Array): Promise<Uint8Array> {
    return this.#wire.hello(hello)
  }

  finish(finish: Uint8Array): Promise<Uint8Array> {
    return this.#wire.finish(finish)
  }

  record(record: Uint8Array): Promise<Uint8Array> {
    this.last = record.slice()
    const alter = this.alterNext
    this.alterNext = undefined
    return this.#wire.record(alter === undefined ? record : alter(record.slice()))
  }

  /** Sends what was sent before. */
  replay(): Promise<Uint8Array> {
    if (this.last === undefined) throw new TypeError('nothing was sent yet')
    return this.#wire.record(this.last)
  }

  close(): void {
    this.#wire.close()
  }
}
