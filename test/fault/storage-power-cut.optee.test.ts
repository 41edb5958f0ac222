/**
 * The storage inside TrustZone loses power: QEMU is killed while transactions run, again and again on the same volume.
 * What was acknowledged is there afterwards, at most the one commit that was asked for is there too, and every page is
 * whole. Then the volume is damaged on the host. Many more cuts, at every single write, are in optee/storage/test.
 * TRUSTHEALTH_LONG=1 for more of the same.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { builtFiles, builtFolder, QemuMachine } from '../../tee/optee/src/index.ts'
import type { TaSession } from '../../tee/optee/src/session.ts'

const CUTS = process.env['TRUSTHEALTH_LONG'] === '1' ? 40 : 5
/** A commit takes some 100 ms under emulation: the cut comes in the middle of one of the first. */
const LATEST_CUT_MS = 2000
/** Under emulation a record costs 40 ms: pages of two random indexes are read, checked, and written again. */
const RECORDS = process.env['TRUSTHEALTH_LONG'] === '1' ? 10_000 : 1000
const RECORDS_A_CALL = 100
const BUILD = join(import.meta.dirname, '../../optee/storage/test/ta/build.sh')

const skip = existsSync(join(builtFolder(), 'storage/libstorage.a'))
  ? false
  : 'NOT CHECKED: the storage is not built for TrustZone (npm run optee:build)'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-power-'))
const machines: QemuMachine[] = []
after(async () => {
  for (const machine of machines) await machine.close()
  rmSync(folder, { recursive: true, force: true })
})

function newMachine(store: string): QemuMachine {
  const machine = new QemuMachine({
    files: builtFiles(),
    taFolder: join(folder, 'build/ta'),
    storeFolder: join(folder, store),
    logFolder: join(folder, 'log'),
  })
  machines.push(machine)
  return machine
}

async function ask(session: TaSession, sql: string): Promise<string[]> {
  const { output } = await session.exchange(Buffer.from(sql), false)
  const lines = Buffer.from(output).toString('utf8').trimEnd().split('\n')
  assert.equal(lines.pop(), 'result 0', lines.join('\n'))
  return lines
}

async function openStore(machine: QemuMachine): Promise<TaSession> {
  const session = await machine.open()
  await session.start()
  return session
}

test('what was committed before the machine lost power is there, and nothing is half there', { skip }, async () => {
  const built = spawnSync(BUILD, [join(folder, 'build')], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  let acknowledged = -1
  let asked = -1
  for (let cut = 0; cut <= CUTS; cut++) {
    const machine = newMachine('store')
    const session = await openStore(machine)
    if (acknowledged < 0) {
      const schema =
        'CREATE TABLE t (n INTEGER, b BLOB) STRICT; CREATE INDEX by_b ON t (b); CREATE TABLE c (n INTEGER) STRICT'
      await ask(session, `BEGIN; ${schema}; INSERT INTO c VALUES (0); COMMIT`)
      acknowledged = asked = 0
    }
    const committed = Number((await ask(session, 'SELECT n FROM c'))[0])
    assert.ok(committed >= acknowledged && committed <= asked, `${committed} of ${acknowledged} to ${asked}`)
    // Every commit has ten rows of its number.
    assert.deepEqual(await ask(session, 'SELECT count(*), count(DISTINCT n), coalesce(max(n), 0) FROM t'), [
      `${committed * 10}|${committed}|${committed}`,
    ])
    assert.deepEqual(await ask(session, 'PRAGMA integrity_check'), ['ok'])
    assert.deepEqual(await ask(session, 'PRAGMA cipher_integrity_check'), [])
    acknowledged = asked = committed
    if (cut === CUTS) break
    const off = delay(Math.random() * LATEST_CUT_MS).then(() => machine.kill())
    await assert.rejects(
      async () => {
        for (;;) {
          asked = acknowledged + 1
          const rows = `WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 10)
            INSERT INTO t SELECT ${asked}, randomblob(900) FROM r`
          await ask(session, `BEGIN; ${rows}; UPDATE c SET n = n + 1; COMMIT`)
          acknowledged = asked
        }
      },
      { code: 'SERVER_UNAVAILABLE' },
    )
    await off
    await machine.close()
  }
})

test(
  'a damaged volume is refused inside TrustZone, left as it is, and good again when it is mended',
  { skip },
  async () => {
    const path = join(folder, 'store/volume')
    for (const machine of machines) await machine.close()
    const good = readFileSync(path)
    const bad = Buffer.from(good)
    // Every block but the headers: what the state needs is among them.
    for (let at = 4 * 4096; at < bad.length; at += 4096) bad[at] = (bad[at] as number) ^ 1
    writeFileSync(path, bad)
    const machine = newMachine('store')
    const session = await machine.open()
    await assert.rejects(async () => await session.start())
    await machine.close()
    assert.ok(readFileSync(path).equals(bad))
    writeFileSync(path, good)
    assert.deepEqual(await ask(await openStore(newMachine('store')), 'PRAGMA integrity_check'), ['ok'])
  },
)

test(
  'records and their indexes, far more than the caches hold, fit in four MiB of secure heap',
  { skip },
  async (context) => {
    for (const machine of machines) await machine.close()
    const session = await openStore(newMachine('store-large'))
    await ask(session, 'CREATE TABLE record (id INTEGER PRIMARY KEY, ref BLOB, patient BLOB, body BLOB) STRICT')
    await ask(session, 'CREATE UNIQUE INDEX by_ref ON record (ref); CREATE INDEX by_patient ON record (patient)')
    for (let first = 0; first < RECORDS; first += RECORDS_A_CALL) {
      const rows = `WITH RECURSIVE r(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM r WHERE i < ${first + RECORDS_A_CALL - 1})
      INSERT INTO record SELECT i, randomblob(32), randomblob(32), randomblob(2000) FROM r`
      await ask(session, rows)
    }
    assert.deepEqual(await ask(session, 'SELECT count(*), sum(length(body)) FROM record'), [
      `${RECORDS}|${RECORDS * 2000}`,
    ])
    const memory = await ask(session, '.memory')
    context.diagnostic(memory.join(', '))
    assert.equal(memory.length, 4)
  },
)
