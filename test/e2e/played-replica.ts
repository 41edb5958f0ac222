/**
 * Two record servers, real processes: one follows the other synchronously, the first is killed under load, the second takes
 * over by the organisations' votes. Whatever was acknowledged is read there; the first one does not come back.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, type DoctorClient, type PatientClient } from '../../clients/sdk/src/index.ts'
import { encodeHex } from '../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult, REPLICA_VERSION } from '../../shared/ledger-model/src/index.ts'
import {
  bundleTee,
  canFindProcesses,
  killTrustedApplication,
  labResult,
  openTestWorld,
  RecordServer,
  transportTo,
  type BundledTee,
  type TestWorld,
  type TestWorldOptions,
} from '../../testkit/src/world/index.ts'

const TOKEN = 'operator-of-both-record-servers-0123456789'
const WRITERS = 4
const LOOK_EVERY_MS = 20
const PATIENCE_MS = 60_000

/** @param ledger what it is tried on. */
export function replicaTakesOver(ledger: Pick<TestWorldOptions, 'fabric'>): void {
  let tee: BundledTee
  let world: TestWorld
  let replica: RecordServer
  let bob: PatientClient
  let alice: DoctorClient
  let warrant: string

  before(async () => {
    tee = await bundleTee()
    world = await openTestWorld({ ...ledger, tee, replicaToken: TOKEN })
    bob = await world.patient('bob')
    alice = await world.doctor('alice')
    warrant = (await world.permit(bob, [alice])).warrant
    replica = new RecordServer({
      crypto: world.crypto,
      clock: world.serverClock,
      folder: join(world.folder, 'replica'),
      ledger: () => world.ledger.ledger,
      identity: () => world.organization('a').admin,
      hooks: {},
      traffic: world.traffic,
      startTee: tee.start,
      replica: { token: TOKEN, follow: () => world.server.url },
    })
    await replica.start()
  })
  after(async () => {
    await replica?.stop()
    await world?.close()
    tee?.remove()
  })

  async function operator(server: RecordServer, path: string, body?: unknown, token = TOKEN): Promise<Response> {
    return await fetch(`${server.url}/v1/replica/${path}`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { 'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json' }),
      },
      ...(body === undefined
        ? {}
        : { method: 'POST', body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
    })
  }

  async function told(answer: Promise<Response>): Promise<Record<string, unknown>> {
    const response = await answer
    assert.equal(response.status, 200, `${response.status} ${response.url}`)
    return (await response.json()) as Record<string, unknown>
  }

  async function until(what: () => boolean | Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS
    while (!(await what())) {
      assert.ok(performance.now() < untilMs, 'it does not come to that')
      await sleep(LOOK_EVERY_MS)
    }
  }

  async function approve(fn: string, args: readonly string[]): Promise<void> {
    for (const name of ['a', 'b'] as const) await world.submitAsAdmin(name, fn, args)
  }

  async function isCaughtUp(): Promise<boolean> {
    const { replication } = await world.server.tee.request('status', {})
    return replication !== undefined && replication.acknowledged === replication.position
  }

  const options = { skip: !canFindProcesses && 'needs /proc' }
  let key: string

  test('the replica is prepared, approved and added; then it follows', options, async () => {
    await alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })
    await until(async () => (await replica.tee.request('status', {})).state === 'following')
    const prepared = await told(operator(replica, 'status'))
    key = prepared['key'] as string
    const answer = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
    const { ref, kind, publicKey, certSerial, attributes, server } = parseResult(answer, participantRecordShape)
    assert.ok(server !== undefined)
    const attestationKeys = [...server.attestationKeys, prepared['attestationKey'] as string]
    await world.submitAsAdmin('a', 'renewParticipant', [
      JSON.stringify({ ref, kind, publicKey, certSerial, attributes, server: { ...server, attestationKeys } }),
    ])
    await approve('approveProgram', [prepared['instance'] as string, String(REPLICA_VERSION)])
    await told(operator(world.server, 'mode', { mode: 'asynchronous', key }))
    await until(() => replica.following?.step === 'following')
    await until(isCaughtUp)
    assert.equal(replica.following?.copies, 1)
  })

  test('nobody without the token is served by either host', options, async () => {
    for (const path of ['configuration', 'copy', 'status']) {
      assert.equal((await operator(world.server, path, undefined, 'another')).status, 401)
    }
    for (const path of ['hello', 'finish', 'record']) {
      assert.equal((await operator(replica, path, new Uint8Array(1), 'another')).status, 401)
    }
    for (const path of ['mode', 'promote']) assert.equal((await operator(replica, path, {}, 'another')).status, 401)
  })

  test(
    'killed under load, it loses nothing that was acknowledged: the replica takes over and serves it',
    options,
    async (t) => {
      await told(operator(world.server, 'mode', { mode: 'synchronous' }))
      const acknowledged: string[] = []
      const killed = new AbortController()
      const write = async (writer: number): Promise<void> => {
        for (let i = 0; !killed.signal.aborted; i++) {
          try {
            const stored = await alice.store({ patient: bob.ref, warrant, ehr: labResult(1_000 * writer + i) })
            acknowledged.push(stored.recordId)
          } catch (error) {
            // After the kill nobody is told anything; before it everybody is.
            assert.ok(killed.signal.aborted, codeOf(error) ?? String(error))
          }
        }
      }
      const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
      await until(() => acknowledged.length >= 3 * WRITERS)
      killed.abort()
      const killedMs = performance.now()
      assert.ok(killTrustedApplication(world.server.dataFolder) > 0)
      await world.server.stop()

      const { instance } = await replica.tee.request('status', {})
      assert.ok(instance !== undefined)
      await approve('approveSuccession', [world.serverRef, JSON.stringify({ term: 1, instance: encodeHex(instance) })])
      await told(operator(replica, 'promote', {}))
      await replica.serving()
      t.diagnostic(`served again ${Math.round(performance.now() - killedMs)} ms after the kill, votes included`)
      await writing

      const reader = await world.doctor('alice', {}, { transport: transportTo(replica) })
      for (const record of acknowledged) assert.equal((await reader.read(record as never)).recordId, record)
      const { recordId } = await reader.store({ patient: bob.ref, warrant, ehr: labResult(7) })
      assert.equal((await reader.read(recordId)).recordId, recordId)
    },
  )

  test('the server before is started again, and refuses', options, async () => {
    await world.server.start()
    await assert.rejects(world.server.serving(), { code: 'STORE_SUCCEEDED' })
    await world.server.stop()
  })
}
