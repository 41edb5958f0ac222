/**
 * WebSockets for the load generator: what is sent in one turn of the event loop leaves in one write.
 *
 * @module
 */
import type { Socket as NetSocket } from 'node:net'
import { setImmediate } from 'node:timers'
import { WebSocket } from 'ws'
import type { Socket } from '../../clients/sdk/src/index.ts'

export function openSocket(url: string): Socket {
  const socket = new CorkedSocket(url, { perMessageDeflate: false })
  socket.once('upgrade', (response) => (socket.raw = response.socket))
  return socket
}

class CorkedSocket extends WebSocket implements Socket {
  raw: NetSocket | undefined
  #isCorked = false

  override send(data: Uint8Array | string): void {
    const { raw } = this
    if (raw !== undefined && !this.#isCorked) {
      this.#isCorked = true
      raw.cork()
      setImmediate(() => {
        this.#isCorked = false
        raw.uncork()
      })
    }
    super.send(data)
  }
}
