/**
 * The hospital's program is killed (SIGKILL) inside a FHIR transaction that fills several signed batches, at each step of
 * its delivery: nothing of it is served until the next start has ended it, and then all of it at once, stored once.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PRACTICE_TOKEN_FILE } from '../../hospital/src/fhir/practice-token.ts'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'
import { asker, hba1c, permitHospital, type Ask, type Bundle } from '../fhir/scene.ts'

const MAIN = fileURLToPath(new URL('../../hospital/src/main.ts', import.meta.url))
/** Two signed batches of at most 256 records. */
const RECORDS = 300
/** A message with a batch in it; all others are smaller. */
const BATCH_BYTES = 16_384

describe('a transaction and a killed hospital', () => {
  let world: TestWorld
  let bob: PatientClient
  let child: ChildProcess | undefined
  let fhir: Ask
  let folder = ''

  before(async () => {
    world = await openTestWorld()
    bob = await world.patient('bob')
    await permitHospital(world, bob)
    await world.stopHospital('a')
    folder = world.hospitalFolder('a')
    const { nodes, ...rest } = world.hospitalConfiguration('a')
    const encoded = nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: encodeBase64url(publicKey) }))
    writeFileSync(join(folder, 'hospital.json'), JSON.stringify({ ...rest, nodes: encoded }), { mode: 0o600 })
    await start()
  })
  after(async () => {
    await end('SIGTERM')
    await world.close()
  })

  async function start(): Promise<void> {
    const started = spawn(process.execPath, [MAIN, '--folder', folder], { stdio: ['pipe', 'pipe', 'inherit'] })
    child = started
    for await (const line of createInterface({ input: started.stdout })) {
      const { url } = JSON.parse(line) as { readonly url: string }
      const token = readFileSync(join(folder, PRACTICE_TOKEN_FILE), 'utf8').trim()
      fhir = asker(`${url}/fhir`, `Bearer ${token}`)
      return
    }
    throw new Error('the program ended')
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await ended
  }

  /** New results under a name, a correction of an old one, a place that is nobody's record, and one that is deleted. */
  const transactionOf = (name: string): string =>
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        ...Array.from({ length: RECORDS }, (_, i) => ({
          resource: hba1c(bob.ref, i, { code: { text: name } }),
          request: { method: 'POST', url: 'Observation' },
        })),
        {
          resource: hba1c(bob.ref, 2, { id: `old-${name}`, code: { text: `old ${name}` } }),
          request: { method: 'PUT', url: `Observation/old-${name}` },
        },
        {
          resource: { resourceType: 'Location', id: `new-${name}`, name },
          request: { method: 'PUT', url: `Location/new-${name}` },
        },
        { request: { method: 'DELETE', url: `Location/gone-${name}` } },
      ],
    })

  const prepare = async (name: string) => {
    const old = hba1c(bob.ref, 1, { id: `old-${name}`, code: { text: `old ${name}` } })
    assert.equal((await fhir('PUT', `/Observation/old-${name}`, old)).status, 201)
    const gone = { resourceType: 'Location', id: `gone-${name}`, name: 'goes' }
    assert.equal((await fhir('PUT', `/Location/gone-${name}`, gone)).status, 201)
  }

  /** Whether what this API answers is of after the transaction, asked one after the other. */
  const seenOf = async (name: string): Promise<readonly boolean[]> => {
    const isNew = (value: unknown, old: unknown, now: unknown) => {
      assert.ok(value === old || value === now, `${String(value)} is neither`)
      return value === now
    }
    const total = async (path: string) => ((await fhir('GET', path)).json as Bundle).total
    const status = async (path: string) => (await fhir('GET', path)).status
    const value = async () => {
      const { json } = await fhir('GET', `/Observation/old-${name}`)
      return (json as { readonly valueQuantity?: { readonly value: number } }).valueQuantity?.value
    }
    return [
      isNew(await total(`/Observation?code:text=${name}&_summary=count`), 0, RECORDS),
      isNew(await value(), 1, 2),
      isNew(await total(`/Observation/old-${name}/_history`), 1, 2),
      isNew(await status(`/Location/new-${name}`), 404, 200),
      isNew(await status(`/Location/gone-${name}`), 200, 410),
    ]
  }

  /** Nothing, nothing, …, all: what is asked after something new was seen is new. */
  const untilAll = async (name: string) => {
    for (;;) {
      const seen = await seenOf(name)
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => Number(a) - Number(b)),
        'a part was seen before the rest',
      )
      if (seen.every(Boolean)) return
      await setTimeout(50)
    }
  }

  /** Kills before or after the record server takes the batch with that number; 0: a question before the first one. */
  const killAt = (number: number, when: 'before' | 'after'): Promise<void> =>
    new Promise((resolve) => {
      let seen = 0
      world.hooks.request = async (_, request, honest) => {
        const isBatch =
          'record' in request && request.record instanceof Uint8Array && request.record.length > BATCH_BYTES
        if (number > 0 && (!isBatch || ++seen !== number)) return await honest(request)
        if (when === 'after') await honest(request)
        world.beHonest()
        await end('SIGKILL')
        resolve()
        throw new Error('the client is gone')
      }
    })

  it('killed before it was written down: nothing of it, and the same again is all of it', async () => {
    await prepare('k0')
    const killed = killAt(0, 'before')
    const text = transactionOf('k0')
    const sending = fhir('POST', '', text).catch(() => undefined)
    await killed
    assert.equal(await sending, undefined)
    await start()
    assert.ok(!(await seenOf('k0')).some(Boolean))
    assert.equal((await fhir('POST', '', text)).status, 200)
    assert.ok((await seenOf('k0')).every(Boolean))
  })

  for (const [number, when] of [
    [1, 'before'],
    [1, 'after'],
    [2, 'after'],
  ] as const) {
    it(`killed ${when} the record server took part ${number}: nothing is seen, then all of it`, async () => {
      const name = `k${number}${when}`
      await prepare(name)
      const killed = killAt(number, when)
      const text = transactionOf(name)
      const sending = fhir('POST', '', text).catch(() => undefined)
      await killed
      assert.equal(await sending, undefined)
      await start()
      await untilAll(name)
      // The client that had no answer sends the same again, and gets it.
      const again = await fhir('POST', '', text)
      assert.equal(again.status, 200, again.text.slice(0, 300))
      const { entry = [] } = again.json as Bundle
      assert.equal(entry.length, RECORDS + 3)
      assert.deepEqual(
        [entry[0], entry.at(-3), entry.at(-2), entry.at(-1)].map((one) => one?.response?.status),
        ['201 Created', '200 OK', '201 Created', '204 No Content'],
      )
      assert.ok((await seenOf(name)).every(Boolean))
      const [, id] = /Observation\/([^/]+)/.exec(entry[0]?.response?.location ?? '') ?? []
      assert.equal((await fhir('GET', `/Observation/${id}`)).status, 200)
    })
  }
})
