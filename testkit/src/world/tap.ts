/**
 * Somebody on the network: carries every byte between a client and a server, and keeps a copy. WebSockets are masked on
 * their way to the server, so those are heard at the socket instead.
 *
 * @module
 */
import { connect, createServer, type AddressInfo, type Socket as TcpSocket } from 'node:net'
import type { OpenSocket, Socket } from '../../../clients/sdk/src/index.ts'
import type { Traffic } from './traffic.ts'

export interface Tap {
  /** To be used in the place of the server's address. */
  readonly url: string
  close(): Promise<void>
}

/** Listens in front of `target` and copies what passes, both ways, to `traffic`. */
export async function tap(target: string, name: string, traffic: Traffic): Promise<Tap> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<TcpSocket>()
  const join = (from: TcpSocket, to: TcpSocket, wire: string): void => {
    sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      traffic.carry(wire, chunk)
      to.write(chunk)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => sockets.delete(from))
  }
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) })
    join(client, upstream, `to ${name}`)
    join(upstream, client, `from ${name}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Opens WebSockets and copies their messages, both ways, to `traffic`. */
export function tappedSockets(traffic: Traffic): OpenSocket {
  return (url) => {
    const socket = new WebSocket(url) as Socket
    socket.addEventListener('message', ({ data }) => traffic.carry('from a stream', bytesOf(data)))
    return {
      get binaryType() {
        return socket.binaryType
      },
      set binaryType(type) {
        socket.binaryType = type
      },
      send(data) {
        traffic.carry('to a stream', bytesOf(data))
        socket.send(data)
      },
      close: () => socket.close(),
      addEventListener: socket.addEventListener.bind(socket),
    }
  }
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  return data instanceof Uint8Array ? data : Buffer.from(String(data), 'utf8')
}
