/**
 * The proxy of the guest (optee/proxy/README.md), on the driver that a board's record server uses: Node in the normal
 * world, koffi, libteec. Runs in the emulated machine, so that this driver meets a real OP-TEE. Without `describe` and
 * `probe`.
 *
 *     node node-proxy.mjs CHANNEL
 *
 * @module
 */
import { open } from 'node:fs/promises'
import process from 'node:process'
import { openLibteec } from '../src/libteec.ts'
import { GREETING, PROXY_OP, uint32 } from '../src/proxy-protocol.ts'
import { CALL_LIMIT_MS } from '../src/qemu.ts'
import type { OpteeMachine, TaSession } from '../src/session.ts'

const NOT_SUPPORTED = 0xffff000a
/** Operation, more, room: what precedes the input of an exchange. */
const EXCHANGE_HEADER_BYTES = 6

const channel = await open(process.argv[2] ?? '', 'r+')
// Under emulation a call takes as long as one through the usual proxy.
const machine = await openLibteec({ callLimitMs: CALL_LIMIT_MS })
await answer(0, Buffer.from(GREETING, 'latin1'))
let session: TaSession | undefined
for (;;) {
  const request = await read((await read(4)).readUInt32BE(0))
  try {
    await answer(0, await serve(machine, request))
  } catch (error) {
    const [result = String(NOT_SUPPORTED)] = /0x[0-9a-f]+$/.exec(String(error)) ?? []
    await answer(Number(result), new Uint8Array(0))
  }
}

async function serve(optee: OpteeMachine, request: Buffer): Promise<Uint8Array> {
  switch (request[0]) {
    case PROXY_OP.open:
      await session?.close()
      session = await optee.open()
      return new Uint8Array(0)
    case PROXY_OP.start:
      await session?.start()
      return new Uint8Array(0)
    case PROXY_OP.close:
      await session?.close()
      session = undefined
      return new Uint8Array(0)
    case PROXY_OP.exchange: {
      if (session === undefined) throw new TypeError('no session is open')
      const { flags, output } = await session.exchange(request.subarray(EXCHANGE_HEADER_BYTES), request[1] === 1)
      return Buffer.concat([uint32(flags), uint32(0), output])
    }
    default:
      throw new TypeError('no such operation')
  }
}

/** Result, origin, fields. */
async function answer(result: number, fields: Uint8Array): Promise<void> {
  const body = Buffer.concat([uint32(result), uint32(0), fields])
  const frame = Buffer.concat([uint32(body.length), body])
  for (let at = 0; at < frame.length;) at += (await channel.write(frame, at)).bytesWritten
}

async function read(length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length;) {
    const { bytesRead } = await channel.read(bytes, at, length - at)
    // The other end of the port is closed.
    if (bytesRead === 0) process.exit(0)
    at += bytesRead
  }
  return bytes
}
