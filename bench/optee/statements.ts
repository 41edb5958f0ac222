/**
 * Fig. 7 and a part of Fig. 6 of the paper in the emulated machine: SQLCipher on the secure file system inside TrustZone,
 * beside plain SQLite in the normal world of the same machine, on the same disk, with the same settings. They take turns,
 * statement by statement, so that whatever else the host has to do is the same for both. The experiments are those of
 * ../figures/fig6.ts, over fewer rows; text is a number with words around it.
 *
 * @module
 */
import { middle, type Report } from '../harness/report.ts'
import { median, medianRatio } from '../harness/statistics.ts'
import type { TaSession } from '../../tee/optee/src/session.ts'
import { KINDS, timeSql, withStorage, type Built, type Kind, type Repeated } from './machines.ts'

export interface StatementOptions {
  readonly rounds: number
  /** Rows of each large table of Fig. 6; speedtest1 has 50,000. */
  readonly rows: number
}

const CRUD_ROWS = 10_000
/** Milliseconds by name. */
type Times = ReadonlyMap<string, number>
type TimesOfBoth = Readonly<Record<Kind, Times>>

export async function measureStatements(report: Report, built: Built, options: StatementOptions): Promise<void> {
  const crud: Record<Kind, Times[]> = { secure: [], plain: [] }
  const numbered: Record<Kind, Times[]> = { secure: [], plain: [] }
  for (let round = 0; round < options.rounds; round++) {
    // Both start with an empty disk.
    await withStorage(built, async (session) => {
      const of = { crud: await runCrud(session), numbered: await runNumbered(session, options.rows) }
      for (const kind of KINDS) {
        crud[kind].push(of.crud[kind])
        numbered[kind].push(of.numbered[kind])
      }
    })
  }
  tellCrud(report, crud)
  tellNumbered(report, numbered, options.rows)
}

async function runCrud(session: TaSession): Promise<TimesOfBoth> {
  const onBoth = async (sql: string) => {
    for (const kind of KINDS) await timeSql(session, kind, { sql })
  }
  await onBoth('CREATE TABLE test1 (id INTEGER PRIMARY KEY, t1 INTEGER, t2 REAL, t3 TEXT)')
  const steps: Readonly<Record<string, Repeated & { readonly rows: number }>> = {
    insert: {
      sql: `INSERT INTO test1 VALUES (?1, ?1 * 7, ?1 / 7.0, 'diagnosis of patient ' || ?1)`,
      count: CRUD_ROWS,
      rows: 0,
    },
    select: { sql: 'SELECT id, t1, t2, t3 FROM test1', rows: CRUD_ROWS },
    update: {
      sql: `UPDATE test1 SET t1 = ?1 * 2, t2 = ?1 / 9.0, t3 = 'changed ' || ?1 WHERE id = ?1`,
      count: CRUD_ROWS,
      rows: 0,
    },
    delete: { sql: 'DELETE FROM test1 WHERE id = ?1', count: CRUD_ROWS, rows: 0 },
    nothing: { sql: 'SELECT id FROM test1', rows: 0 },
  }
  const times = { secure: new Map<string, number>(), plain: new Map<string, number>() }
  for (const [name, { rows: expected, ...step }] of Object.entries(steps)) {
    for (const kind of KINDS) {
      const { ms, rows } = await timeSql(session, kind, step)
      if (rows !== expected) throw new Error(`${name}: ${rows} rows instead of ${expected}`)
      if (name !== 'nothing') times[kind].set(name, ms)
    }
  }
  await onBoth('DROP TABLE test1')
  return times
}

/** The experiments by the numbers that speedtest1 gives them. */
export function experiments(rows: number): ReadonlyMap<string, readonly Repeated[]> {
  const spread = rows * 4
  const few = Math.max(2, Math.floor(rows / 5))
  const many = Math.floor(rows * 1.4)
  const hundredth = Math.floor(spread / 100)
  const text = `'number ' || ?2 || ' in words'`
  const average = 'SELECT count(*), avg(b), sum(length(c))'
  const once = (...all: readonly string[]): readonly Repeated[] => [{ sql: all.join('; ') }]
  const each = (count: number, limit: number, sql: string): readonly Repeated[] => [{ sql, count, limit }]
  return new Map(
    Object.entries({
      100: [
        ...once('CREATE TABLE t1 (a INTEGER, b INTEGER, c TEXT)'),
        ...each(rows, spread, `INSERT INTO t1 VALUES (?1, ?2, ${text})`),
      ],
      110: [
        ...once('CREATE TABLE t2 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)'),
        ...each(rows, spread, `INSERT INTO t2 VALUES (?1, ?2, ${text})`),
      ],
      120: [
        ...once('CREATE TABLE t3 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)'),
        ...each(rows, spread, `INSERT OR REPLACE INTO t3 VALUES (?2, ?1, ${text})`),
      ],
      130: each(25, spread, `${average} FROM t1 WHERE b BETWEEN ?2 AND ?2 + ${hundredth}`),
      140: each(10, rows, `${average} FROM t1 WHERE c LIKE '%' || ?2 || '%'`),
      142: each(10, 100, `SELECT a, b, c FROM t1 WHERE c LIKE '%' || ?2 || '%' ORDER BY a`),
      145: each(10, 100, `SELECT a, b, c FROM t1 WHERE c LIKE '%' || ?2 || '%' ORDER BY a LIMIT 10`),
      150: once(
        'BEGIN',
        'CREATE UNIQUE INDEX t1b ON t1 (b, a)',
        'CREATE INDEX t1c ON t1 (c)',
        'CREATE UNIQUE INDEX t2b ON t2 (b, a)',
        'CREATE INDEX t2c ON t2 (c DESC)',
        'CREATE INDEX t3bc ON t3 (b, c)',
        'COMMIT',
      ),
      160: each(few, spread, `${average} FROM t1 WHERE b BETWEEN ?2 AND ?2 + ${hundredth}`),
      161: each(few, spread, `${average} FROM t2 WHERE a BETWEEN ?2 AND ?2 + ${hundredth}`),
      170: each(few, spread, `${average} FROM t1 WHERE c BETWEEN ${text} AND 'number ' || ?2 || '~'`),
      180: [
        ...once(
          'CREATE TABLE t4 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)',
          'CREATE INDEX t4b ON t4 (b)',
          'CREATE INDEX t4c ON t4 (c)',
        ),
        ...each(rows, spread, `INSERT INTO t4 VALUES (?1, ?2, ${text})`),
      ],
      190: once('BEGIN', 'DELETE FROM t2', 'INSERT INTO t2 SELECT * FROM t1', 'COMMIT'),
      200: once('VACUUM'),
      210: once('ALTER TABLE t2 ADD COLUMN d DEFAULT 123', 'SELECT sum(d) FROM t2'),
      230: each(few, spread, 'UPDATE t2 SET d = b * 2 WHERE b BETWEEN ?2 AND ?2 + 8'),
      240: each(rows, rows, 'UPDATE t2 SET d = b * 3 WHERE a = ?2 + 1'),
      250: once('UPDATE t2 SET d = b * 4'),
      260: once('SELECT sum(d) FROM t2'),
      270: each(few, spread, 'DELETE FROM t2 WHERE b BETWEEN ?2 AND ?2 + 2'),
      280: each(rows, spread, 'DELETE FROM t3 WHERE a = ?2'),
      400: [
        ...once('CREATE TABLE t5 (a INTEGER PRIMARY KEY, b TEXT)'),
        ...each(many, many, `REPLACE INTO t5 VALUES (?2, ${text})`),
      ],
      410: each(many, many, 'SELECT b FROM t5 WHERE a = ?2'),
      500: [
        ...once('CREATE TABLE t6 (a TEXT PRIMARY KEY, b INTEGER) WITHOUT ROWID'),
        ...each(many, spread, `REPLACE INTO t6 VALUES (${text}, ?1)`),
      ],
      510: each(many, spread, `SELECT b FROM t6 WHERE a = ${text}`),
      520: once('SELECT DISTINCT b FROM t5'),
      980: once('PRAGMA integrity_check'),
      990: once('ANALYZE'),
    }),
  )
}

async function runNumbered(session: TaSession, rows: number): Promise<TimesOfBoth> {
  const times = { secure: new Map<string, number>(), plain: new Map<string, number>() }
  for (const [number, steps] of experiments(rows)) {
    for (const step of steps) {
      for (const kind of KINDS) {
        const { ms } = await timeSql(session, kind, step)
        times[kind].set(number, (times[kind].get(number) ?? 0) + ms)
      }
    }
  }
  return times
}

function tellCrud({ metrics }: Report, times: Readonly<Record<Kind, readonly Times[]>>): void {
  for (const name of times.secure[0]?.keys() ?? []) {
    const of = (kind: Kind) => times[kind].map((one) => one.get(name) ?? 0)
    for (const kind of KINDS) metrics[`optee_crud_${name}_${kind}_ms`] = middle(of(kind), 'ms')
    const ratio = medianRatio(of('secure'), of('plain'))
    metrics[`optee_crud_${name}_plain_ratio`] = { value: ratio, unit: 'ratio', n: times.secure.length }
  }
}

function tellNumbered({ metrics, notes }: Report, times: Readonly<Record<Kind, readonly Times[]>>, rows: number): void {
  const rounds = times.secure.length
  const total = (one: Times): number => [...one.values()].reduce((sum, ms) => sum + ms, 0)
  const geometric = times.secure.map((one, i) => {
    // A clock of milliseconds: what took none counts as half of one.
    const plain = (number: string): number => Math.max(0.5, times.plain[i]?.get(number) ?? 0)
    const logarithms = [...one].map(([number, ms]) => Math.log(Math.max(0.5, ms) / plain(number)))
    return Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / logarithms.length)
  })
  const ratio = medianRatio(times.secure.map(total), times.plain.map(total))
  metrics['optee_speedtest_plain_ratio'] = { value: ratio, unit: 'ratio', n: rounds }
  metrics['optee_speedtest_plain_geometric_ratio'] = { value: median(geometric), unit: 'ratio', n: rounds }
  for (const kind of KINDS) metrics[`optee_speedtest_${kind}_total_ms`] = middle(times[kind].map(total), 'ms')
  for (const number of times.secure[0]?.keys() ?? []) {
    for (const kind of KINDS) {
      const all = times[kind].map((one) => one.get(number) ?? 0)
      metrics[`optee_speedtest_${number}_${kind}_ms`] = middle(all, 'ms')
    }
  }
  notes['optee_speedtest'] = `${rows} rows in each large table; speedtest1 has 50,000`
}
