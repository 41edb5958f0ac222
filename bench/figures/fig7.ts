/**
 * Fig. 7 of the paper: INSERT, SELECT, UPDATE and DELETE of 10,000 rows (id and t1 integers, t2 a float, t3 a string), each
 * in one transaction, encrypted beside plain, rounds taken in turn so that all see the same machine. The paper's UPDATE
 * looks for a random value of t1; ours names the row by its key, as the record server does.
 *
 * @module
 */
import type Database from 'better-sqlite3-multiple-ciphers'
import { middle, spread, type Report } from '../harness/report.ts'
import { median, medianRatio } from '../harness/statistics.ts'
import type { Measurement } from '../harness/measurement.ts'
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import { timed, withDatabase, type DatabaseKind } from './database.ts'

export const ROWS = 10_000
const KINDS = ['sqlcipher', 'aegis', 'plain'] as const
const STATEMENTS = ['insert', 'select', 'update', 'delete'] as const

type Times = Readonly<Record<(typeof STATEMENTS)[number], number>>

/** Seconds, read from the paper's text: INSERT and UPDATE; SELECT and DELETE "within 100 ms". */
const PAPER_MS = { insert: 2_000, select: 100, update: 5_800, delete: 100 } as const

export const fig7: Measurement = {
  id: 'fig7',
  title: 'Fig. 7: INSERT, SELECT, UPDATE, DELETE of 10,000 rows',
  gives: ['crud_'],
  run: (report, { isQuick }) => measureCrud(report, isQuick ? 3 : 15),
  plots: (report) => {
    const bars: Bar[] = STATEMENTS.flatMap((statement) => [
      { group: statement.toUpperCase(), series: 'paper, encrypted', value: PAPER_MS[statement] },
      ...(['sqlcipher', 'aegis', 'plain'] as const).map((kind) => ({
        group: statement.toUpperCase(),
        series: kind === 'plain' ? 'plain SQLite' : `ours, ${kind}`,
        value: valueOf(report, `crud_${statement}_${kind}_ms`),
      })),
    ])
    return barsBeside('fig7', 'Milliseconds of each statement over 10,000 rows, paper and ours', bars, {
      axis: 'ms for 10,000 rows (logarithmic)',
      isLogarithmic: true,
    })
  },
}

function measureCrud(report: Report, rounds: number): void {
  const times: Record<(typeof KINDS)[number], Times[]> = { sqlcipher: [], aegis: [], plain: [] }
  for (const kind of KINDS) runCrud(kind)
  for (let round = 0; round < rounds; round++) for (const kind of KINDS) times[kind].push(runCrud(kind))
  const of = (kind: (typeof KINDS)[number], what: keyof Times): number[] => times[kind].map((one) => one[what])
  const rate = (what: keyof Times) => ({
    value: ROWS / (median(of('sqlcipher', what)) / 1000),
    unit: 'rows/s' as const,
    n: rounds,
  })
  const ratio = (kind: 'sqlcipher' | 'aegis', what: keyof Times) => ({
    value: medianRatio(of(kind, what), of('plain', what)),
    unit: 'ratio' as const,
    n: rounds,
  })
  const { metrics } = report
  metrics['crud_insert_rows_per_s'] = rate('insert')
  metrics['crud_update_rows_per_s'] = rate('update')
  metrics['crud_select_ms'] = spread(of('sqlcipher', 'select'), 'ms')
  metrics['crud_delete_ms'] = spread(of('sqlcipher', 'delete'), 'ms')
  metrics['crud_insert_cipher_plain_ratio'] = ratio('sqlcipher', 'insert')
  metrics['crud_update_cipher_plain_ratio'] = ratio('sqlcipher', 'update')
  metrics['crud_insert_aegis_plain_ratio'] = ratio('aegis', 'insert')
  metrics['crud_update_aegis_plain_ratio'] = ratio('aegis', 'update')
  for (const statement of STATEMENTS) {
    for (const kind of KINDS) metrics[`crud_${statement}_${kind}_ms`] = middle(of(kind, statement), 'ms')
  }
}

/** @throws {Error} if a statement did not do its work. */
export function runCrud(kind: DatabaseKind): Times {
  return withDatabase(kind, (db) => {
    const select = prepareTable(db)
    const update = db.prepare('UPDATE test1 SET t1 = ?, t2 = ?, t3 = ? WHERE id = ?')
    const remove = db.prepare('DELETE FROM test1 WHERE id = ?')
    const each = (statement: (id: number) => void): (() => void) =>
      db.transaction(() => {
        for (let id = 1; id <= ROWS; id++) statement(id)
      })
    const times = {
      insert: timed(() => insertRows(db)),
      select: timed(() => {
        if (select.all().length !== ROWS) throw new Error('a row is missing')
      }),
      update: timed(each((id) => void update.run(id * 2, id / 9, `changed ${id}`, id))),
      delete: timed(each((id) => void remove.run(id))),
    }
    if (select.all().length !== 0) throw new Error('a row was left')
    return times
  })
}

/** The paper's table test1. */
export function prepareTable(db: Database.Database): Database.Statement {
  db.exec('CREATE TABLE test1 (id INTEGER PRIMARY KEY, t1 INTEGER, t2 REAL, t3 TEXT)')
  return db.prepare('SELECT id, t1, t2, t3 FROM test1')
}

/** Table 5 of the paper. */
export function insertRows(db: Database.Database): void {
  const insert = db.prepare('INSERT INTO test1 (id, t1, t2, t3) VALUES (?, ?, ?, ?)')
  db.transaction(() => {
    for (let id = 1; id <= ROWS; id++) insert.run(id, id * 7, id / 7, `diagnosis of patient ${id}`)
  })()
}
