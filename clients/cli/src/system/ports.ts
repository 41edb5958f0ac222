/**
 * Ports on loopback: the usual one when it is free, else any.
 *
 * @module
 */
import { createServer } from 'node:net'

export const LOOPBACK = '127.0.0.1'

/** The first usual port; the ledger, the record server, then one for each hospital. */
export const FIRST_PORT = 7310

/** `preferred` if it can be listened on, else a free one; never one of `taken`. 0: any, but one that stays. */
export async function freePort(preferred: number, taken: ReadonlySet<number>): Promise<number> {
  if (preferred !== 0 && !taken.has(preferred) && (await canListen(preferred))) return preferred
  for (;;) {
    const port = await listenOnce(0)
    if (port !== undefined && !taken.has(port)) return port
  }
}

async function canListen(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, LOOPBACK, () => {
      const address = server.address()
      const found = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() => resolve(found))
    })
  })
}
