/**
 * HTTP by hand: bytes that no client library would send, and bodies that never end.
 *
 * @module
 */
import { connect, type Socket } from 'node:net'

/** Sends bytes and returns what comes back until the server hangs up. */
export async function sendBytes(url: string, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = await open(url)
  for (const part of parts) socket.write(part)
  return await readToEnd(socket)
}

/** An open connection; the caller ends it. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  // A server that hangs up while we send is what many of these tests want.
  socket.on('error', () => undefined)
  return socket
}

export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return Buffer.concat(chunks).toString('latin1')
}

/** Status and code of an answer. */
export function statusAndCode(answer: string): readonly [number, string | undefined] {
  return [Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), /"code":"([A-Z_]+)"/.exec(answer)?.[1]]
}

export interface Flood {
  /** Bytes that the server let us send. */
  readonly sent: number
  /** What it answered, if it did before it hung up. */
  readonly answer: string
}

/**
 * Sends `mebibytes` of a body whose length nobody announced, one chunk after the other as the server takes them.
 * @param head request line and headers, without the empty line.
 */
export async function flood(url: string, head: string, mebibytes: number): Promise<Flood> {
  const socket = await open(url)
  const answered = readToEnd(socket)
  const chunk = Buffer.alloc(65_536, 0x20)
  const over = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.once('data', () => resolve())
  })
  const line = `${chunk.length.toString(16)}\r\n`
  socket.write(`${head}transfer-encoding: chunked\r\n\r\n`)
  let sent = 0
  while (sent < mebibytes * 2 ** 20 && socket.writable) {
    socket.write(line)
    socket.write(chunk)
    const isTaken = socket.write('\r\n')
    sent += chunk.length
    // Until the server has taken it, answered or hung up.
    if (!isTaken) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over])
    if (socket.bytesRead > 0) break
  }
  socket.end()
  return { sent, answer: await answered }
}
