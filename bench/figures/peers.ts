/**
 * What else keeps 2 kB, in one run and in turns: plain SQLite; SQLCipher without the trusted application; immudb, with
 * verified writes and reads by its own client; and ours, over the whole path. TLS 1.3 and raw submits to Fabric are
 * measured with what they are beside (handshakes, fabric).
 *
 * @module
 */
import { performance } from 'node:perf_hooks'
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import type { Context, Measurement } from '../harness/measurement.ts'
import { middle, spread, type Report } from '../harness/report.ts'
import { medianRatio } from '../harness/statistics.ts'
import { IMMUDB_VERSION, startImmudb, type Immudb, type PeerLoad } from '../peers/immudb.ts'
import type { RunningBench } from '../system/running.ts'
import { EHR_BYTES, ehrText } from '../system/texts.ts'
import { withDatabase, type DatabaseKind } from './database.ts'

/** Its default settings take 30 transactions at once. */
const CLIENTS = 25
const WORKS = { store: 'set', read: 'get' } as const
const EMBEDDED = { sqlite: 'plain', sqlcipher: 'sqlcipher' } as const satisfies Record<string, DatabaseKind>

export const peers: Measurement = {
  id: 'peers',
  title: 'Peers',
  gives: ['peer_'],
  run: measurePeers,
  plots: (report) => {
    const names = {
      sqlite: 'plain SQLite',
      sqlcipher: 'SQLCipher',
      immudb: 'immudb, verified',
      ours: 'ours, whole path',
    }
    const bars: Bar[] = Object.keys(WORKS).flatMap((work) =>
      Object.entries(names).map(([peer, series]) => ({
        group: `${work} of 2 kB, alone`,
        series,
        value: valueOf(report, `peer_${peer}_${work}_lone_ms`),
      })),
    )
    return barsBeside('peers', 'Milliseconds of a durable store and of a read of 2 kB, alone, by peer', bars, {
      axis: 'ms (logarithmic)',
      isLogarithmic: true,
    })
  },
}

async function measurePeers(report: Report, context: Context): Promise<void> {
  const bench = await context.system()
  const [rounds, windowMs] = context.isQuick ? [2, 1_000] : [5, 2_500]
  for (const [peer, kind] of Object.entries(EMBEDDED)) {
    const { store, read } = measureEmbedded(kind, context.isQuick ? 200 : 1_000)
    report.metrics[`peer_${peer}_store_lone_ms`] = spread(store, 'ms')
    report.metrics[`peer_${peer}_read_lone_ms`] = spread(read, 'ms')
  }
  const immudb = await startImmudb()
  if (typeof immudb === 'string') report.notes['peer_immudb'] = `not measured: ${immudb}`
  else
    report.notes['peer_immudb'] = `${IMMUDB_VERSION}, default settings; its server and its Go client on the same cores`
  try {
    for (const work of ['store', 'read'] as const) {
      for (const clients of [1, CLIENTS]) {
        await compare(report, bench, typeof immudb === 'string' ? undefined : immudb, work, clients, rounds, windowMs)
      }
    }
  } finally {
    if (typeof immudb !== 'string') await immudb.close()
  }
}

/** Ours and immudb in turns. */
async function compare(
  report: Report,
  bench: RunningBench,
  immudb: Immudb | undefined,
  work: keyof typeof WORKS,
  clients: number,
  rounds: number,
  windowMs: number,
): Promise<void> {
  const sides: Record<string, (ms: number) => Promise<PeerLoad>> = {
    ours: (ms) => bench.run({ work, clients, windowMs: ms }),
  }
  if (immudb !== undefined) {
    // Every client's keys are there before they are read.
    if (work === 'read') await immudb.run('set', clients, windowMs / 2, EHR_BYTES)
    sides['immudb'] = (ms) => immudb.run(WORKS[work], clients, ms, EHR_BYTES)
  }
  const windows: Record<string, PeerLoad[]> = {}
  for (const run of Object.values(sides)) await run(windowMs / 2)
  for (let round = 0; round < rounds; round++) {
    for (const [side, run] of Object.entries(sides)) (windows[side] ??= []).push(await run(windowMs))
  }
  for (const [side, all] of Object.entries(windows)) {
    const latencies = spread(
      all.flatMap(({ latenciesMs }) => latenciesMs),
      'ms',
    )
    if (clients === 1) report.metrics[`peer_${side}_${work}_lone_ms`] = latencies
    else {
      const perSecond = all.map((one) => one.perSecond)
      report.metrics[`peer_${side}_${work}_per_s_${clients}`] = middle(perSecond, 'entries/s')
    }
  }
  const { ours = [], immudb: theirs } = windows
  if (clients > 1 && theirs !== undefined) {
    const of = (all: readonly PeerLoad[]) => all.map(({ perSecond }) => perSecond)
    const ratio = medianRatio(of(ours), of(theirs))
    report.metrics[`peer_${work}_ours_immudb_ratio`] = { value: ratio, unit: 'ratio', n: rounds }
  }
}

/** One row a transaction, durable; then rows by key, any of them. Milliseconds. */
function measureEmbedded(kind: DatabaseKind, count: number): Record<keyof typeof WORKS, readonly number[]> {
  return withDatabase(kind, (db) => {
    db.exec('CREATE TABLE ehr (id INTEGER PRIMARY KEY, patient INTEGER, body BLOB)')
    db.exec('CREATE INDEX ehr_patient ON ehr (patient)')
    const insert = db.prepare('INSERT INTO ehr VALUES (?, ?, ?)')
    const select = db.prepare('SELECT body FROM ehr WHERE id = ?')
    const each = (work: (id: number) => void): readonly number[] =>
      Array.from({ length: count }, (_, i) => {
        const startMs = performance.now()
        work(i + 1)
        return performance.now() - startMs
      })
    const texts = Array.from({ length: 50 }, (_, i) => ehrText(i))
    const store = each((id) => void insert.run(id, id % 50, texts[id % 50]))
    const read = each(() => {
      const id = 1 + Math.floor(Math.random() * count)
      const row = select.get(id) as { readonly body: Uint8Array } | undefined
      if (row?.body.length !== texts[id % 50]?.length) throw new Error('a row is missing')
    })
    return { store, read }
  })
}
