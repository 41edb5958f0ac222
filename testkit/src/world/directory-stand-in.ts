/**
 * Stands at the address where a hospital has another one's directory: passes the real one on until a test says what to
 * answer instead.
 *
 * @module
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeBase64url, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { directorySigningInput } from '../../../shared/protocol/src/index.ts'
import type { HospitalName, TestWorld } from './world.ts'

export interface StandInAnswer {
  readonly status?: number
  readonly body: string | Uint8Array
  readonly location?: string
}

export interface DirectoryStandIn {
  readonly url: string
  /** Address of the hospital that it stands for. */
  behind: string
  /** How often it was asked. */
  asked: number
  /** Undefined: what the hospital answers. `away`: hangs up. */
  answer: StandInAnswer | 'away' | undefined
  close(): void
}

export async function openDirectoryStandIn(): Promise<DirectoryStandIn> {
  const server = createServer((_request, response) => {
    standIn.asked++
    const { answer } = standIn
    if (answer === 'away') {
      response.destroy()
      return
    }
    void (answer === undefined ? passedOn() : Promise.resolve(answer)).then(
      ({ status = 200, body, location }) =>
        response.writeHead(status, location === undefined ? {} : { location }).end(body),
      () => response.destroy(),
    )
  })
  const passedOn = async (): Promise<StandInAnswer> => {
    const { status, text } = await fetch(`${standIn.behind}/v1/directory`).then(async (found) => ({
      status: found.status,
      text: await found.text(),
    }))
    return { status, body: text }
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const standIn: DirectoryStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behind: '',
    asked: 0,
    answer: undefined,
    close: () => void server.close(),
  }
  return standIn
}

/** A list as the service of one of the world's hospitals signs it, whatever it says. */
export async function signedList(world: TestWorld, name: HospitalName, list: unknown): Promise<string> {
  const bytes = encodeUtf8(JSON.stringify(list))
  const signature = await world.hospital(name).identity.signer.sign(directorySigningInput(bytes))
  return JSON.stringify({ list: encodeBase64url(bytes), signature: encodeBase64url(signature) })
}
