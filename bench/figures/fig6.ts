/**
 * Fig. 6 of the paper: the numbered experiments of SQLite's speedtest1, written anew over the same tables and kinds of
 * statements at a fifth of the size; encrypted (SQLCipher 4 format, the settings of the record server) beside plain
 * SQLite with the same settings, in a file, and plain in memory. Each experiment's ratio is taken within one round; the
 * totals are sums over all experiments, the geometric mean gives each experiment the same weight.
 *
 * @module
 */
import type Database from 'better-sqlite3-multiple-ciphers'
import { barsBeside, valueOf } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { middle, type Report } from '../harness/report.ts'
import { median, medianRatio } from '../harness/statistics.ts'
import { timed, withDatabase, type DatabaseKind } from './database.ts'
import { numberName } from './number-name.ts'

/** Names of the metrics, which are older than aegis. */
const KINDS = { cipher: 'sqlcipher', plain: 'plain', memory: 'memory' } as const satisfies Record<string, DatabaseKind>
const NAMES = ['cipher', 'plain', 'memory'] as const
type Name = (typeof NAMES)[number]

/** Milliseconds by number of the experiment. */
type Times = ReadonlyMap<number, number>

const ONE = /^speedtest_(\d+)_(cipher|plain|memory)_ms$/

export const fig6: Measurement = {
  id: 'fig6',
  title: 'Fig. 6: the numbered experiments of speedtest1',
  gives: ['speedtest'],
  run: (report, { isQuick }) => measureSpeedtest(report, isQuick ? 1 : 5, isQuick ? 2_000 : 10_000),
  hides: ONE,
  plots: (report) => {
    const numbers = [...new Set(Object.keys(report.metrics).flatMap((id) => ONE.exec(id)?.[1] ?? []))]
    const names = { cipher: 'encrypted, on disk', plain: 'plain, on disk', memory: 'plain, in memory' }
    const bars = numbers.flatMap((number) => {
      const base = valueOf(report, `speedtest_${number}_plain_ms`) ?? 0
      return NAMES.map((name) => {
        const value = valueOf(report, `speedtest_${number}_${name}_ms`)
        return {
          group: number,
          series: names[name],
          value: value === undefined || base === 0 ? undefined : value / base,
        }
      })
    })
    return barsBeside('fig6', 'Time of each experiment of speedtest1, plain SQLite on disk is 1', bars, {
      axis: 'time, plain on disk = 1',
      isNumbered: false,
      aim: 1.5,
    })
  },
}

function measureSpeedtest(report: Report, rounds: number, rows: number): void {
  const all: Record<Name, Times[]> = { cipher: [], plain: [], memory: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of NAMES) all[name].push(withDatabase(KINDS[name], (db) => experiments(db, rows)))
  }
  const total = (times: Times): number => [...times.values()].reduce((sum, ms) => sum + ms, 0)
  const geometric = all.cipher.map((times, i) => {
    const logarithms = [...times].map(([number, ms]) => Math.log(ms / (all.plain[i]?.get(number) ?? ms)))
    return Math.exp(logarithms.reduce((sum, one) => sum + one, 0) / logarithms.length)
  })
  report.metrics['speedtest_cipher_plain_geometric_ratio'] = { value: median(geometric), unit: 'ratio', n: rounds }
  const ratio = medianRatio(all.cipher.map(total), all.plain.map(total))
  report.metrics['speedtest_cipher_plain_ratio'] = { value: ratio, unit: 'ratio', n: rounds }
  for (const name of NAMES) report.metrics[`speedtest_${name}_total_ms`] = middle(all[name].map(total), 'ms')
  for (const number of all.cipher[0]?.keys() ?? []) {
    for (const name of NAMES) {
      const times = all[name].map((of) => of.get(number) ?? 0)
      report.metrics[`speedtest_${number}_${name}_ms`] = middle(times, 'ms')
    }
  }
  report.notes['speedtest'] = `${rows} rows in each large table; speedtest1 has 50,000`
}

/** The same numbers for every database, so that all of them do the same work. */
class Numbers {
  #state = 0x2545f491

  /** From 0 up to, not including, `limit`. */
  next(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }
}

function experiments(db: Database.Database, rows: number): Times {
  const times = new Map<number, number>()
  const numbers = new Numbers()
  const spread = rows * 4
  const few = Math.max(1, Math.floor(rows / 5))
  const many = Math.floor(rows * 1.4)
  const experiment = (number: number, work: () => void): void => {
    times.set(number, timed(work))
  }
  const repeat = (count: number, work: (i: number) => void): void =>
    db.transaction(() => {
      for (let i = 1; i <= count; i++) work(i)
    })()
  const insertInto = (table: string, verb = 'INSERT'): ((a: number) => void) => {
    const statement = db.prepare(`${verb} INTO ${table} VALUES (?, ?, ?)`)
    return (a) => {
      const b = numbers.next(spread)
      statement.run(a, b, numberName(b))
    }
  }
  /** From a random number on, a hundredth of all. */
  const between = (statement: Database.Statement): void => {
    const from = numbers.next(spread)
    statement.get(from, from + spread / 100)
  }

  experiment(100, () => {
    db.exec('CREATE TABLE t1 (a INTEGER, b INTEGER, c TEXT)')
    repeat(rows, insertInto('t1'))
  })
  experiment(110, () => {
    db.exec('CREATE TABLE t2 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)')
    repeat(rows, insertInto('t2'))
  })
  experiment(120, () => {
    db.exec('CREATE TABLE t3 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)')
    const insert = insertInto('t3', 'INSERT OR REPLACE')
    repeat(rows, () => insert(numbers.next(spread)))
  })
  const average = 'SELECT count(*), avg(b), sum(length(c))'
  experiment(130, () => {
    const select = db.prepare(`${average} FROM t1 WHERE b BETWEEN ? AND ?`)
    repeat(25, () => between(select))
  })
  experiment(140, () => {
    const select = db.prepare(`${average} FROM t1 WHERE c LIKE ?`)
    repeat(10, () => select.get(`%${numberName(numbers.next(rows))}%`))
  })
  experiment(142, () => {
    const select = db.prepare('SELECT a, b, c FROM t1 WHERE c LIKE ? ORDER BY a')
    repeat(10, () => select.all(`%${numberName(numbers.next(100))}%`))
  })
  experiment(145, () => {
    const select = db.prepare('SELECT a, b, c FROM t1 WHERE c LIKE ? ORDER BY a LIMIT 10')
    repeat(10, () => select.all(`%${numberName(numbers.next(100))}%`))
  })
  experiment(150, () => {
    db.exec(`BEGIN; CREATE UNIQUE INDEX t1b ON t1 (b, a); CREATE INDEX t1c ON t1 (c); CREATE UNIQUE INDEX t2b ON t2 (b, a);
      CREATE INDEX t2c ON t2 (c DESC); CREATE INDEX t3bc ON t3 (b, c); COMMIT`)
  })
  experiment(160, () => {
    const select = db.prepare(`${average} FROM t1 WHERE b BETWEEN ? AND ?`)
    repeat(few, () => between(select))
  })
  experiment(161, () => {
    const select = db.prepare(`${average} FROM t2 WHERE a BETWEEN ? AND ?`)
    repeat(few, () => between(select))
  })
  experiment(170, () => {
    const select = db.prepare(`${average} FROM t1 WHERE c BETWEEN ? AND ?`)
    repeat(few, () => {
      const name = numberName(numbers.next(spread))
      select.get(name, `${name}~`)
    })
  })
  experiment(180, () => {
    db.exec('CREATE TABLE t4 (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)')
    db.exec('CREATE INDEX t4b ON t4 (b); CREATE INDEX t4c ON t4 (c); CREATE INDEX t4bc ON t4 (b, c)')
    repeat(rows, insertInto('t4'))
  })
  experiment(190, () => db.exec('BEGIN; DELETE FROM t2; INSERT INTO t2 SELECT * FROM t1; COMMIT'))
  experiment(200, () => db.exec('VACUUM'))
  experiment(210, () => {
    db.exec('ALTER TABLE t2 ADD COLUMN d DEFAULT 123')
    db.prepare('SELECT sum(d) FROM t2').get()
  })
  experiment(230, () => {
    const update = db.prepare('UPDATE t2 SET d = b * 2 WHERE b BETWEEN ? AND ?')
    repeat(few, () => {
      const from = numbers.next(spread)
      update.run(from, from + 8)
    })
  })
  experiment(240, () => {
    const update = db.prepare('UPDATE t2 SET d = b * 3 WHERE a = ?')
    repeat(rows, () => update.run(1 + numbers.next(rows)))
  })
  experiment(250, () => db.exec('UPDATE t2 SET d = b * 4'))
  experiment(260, () => db.prepare('SELECT sum(d) FROM t2').get())
  experiment(270, () => {
    const remove = db.prepare('DELETE FROM t2 WHERE b BETWEEN ? AND ?')
    repeat(few, () => {
      const from = numbers.next(spread)
      remove.run(from, from + 2)
    })
  })
  experiment(280, () => {
    const remove = db.prepare('DELETE FROM t3 WHERE a = ?')
    repeat(rows, () => remove.run(numbers.next(spread)))
  })
  experiment(290, () => {
    db.exec(
      'BEGIN; REPLACE INTO t2 (a, b, c) SELECT a, b, c FROM t1; REPLACE INTO t3 (a, b, c) SELECT a, b, c FROM t1; COMMIT',
    )
  })
  experiment(300, () => {
    db.exec('BEGIN; DELETE FROM t2; INSERT INTO t2 (a, b, c) SELECT a, b, c FROM t1 WHERE (b & 1) = (a & 1); COMMIT')
    db.exec('BEGIN; INSERT INTO t2 (a, b, c) SELECT a, b, c FROM t1 WHERE (b & 1) <> (a & 1); COMMIT')
  })
  experiment(310, () => {
    const joinFour = db.prepare(`SELECT t1.c FROM t1, t2, t3, t4
      WHERE t4.a BETWEEN ? AND ? AND t3.a = t4.b AND t2.a = t3.b AND t1.c = t2.c`)
    repeat(few, () => {
      const from = numbers.next(rows)
      joinFour.all(from, from + 4)
    })
  })
  experiment(320, () => {
    db.prepare(
      `SELECT sum(a), max(c), avg((SELECT a FROM t2 WHERE 5 + t2.b = t1.b) + 1), max(c) FROM t1
      WHERE a < ?`,
    ).get(Math.round(50 * Math.sqrt(rows / 500)))
  })
  experiment(400, () => {
    db.exec('CREATE TABLE t5 (a INTEGER PRIMARY KEY, b TEXT)')
    const replace = db.prepare('REPLACE INTO t5 VALUES (?, ?)')
    repeat(many, () => replace.run(numbers.next(many), numberName(numbers.next(spread))))
  })
  experiment(410, () => {
    const select = db.prepare('SELECT b FROM t5 WHERE a = ?')
    repeat(many, () => select.get(numbers.next(many)))
  })
  experiment(500, () => {
    db.exec('CREATE TABLE t6 (a TEXT PRIMARY KEY, b INTEGER) WITHOUT ROWID')
    const replace = db.prepare('REPLACE INTO t6 VALUES (?, ?)')
    repeat(many, (i) => replace.run(numberName(numbers.next(spread)), i))
  })
  experiment(510, () => {
    const select = db.prepare('SELECT b FROM t6 WHERE a = ?')
    repeat(many, () => select.get(numberName(numbers.next(spread))))
  })
  experiment(520, () => db.prepare('SELECT DISTINCT b FROM t5').all())
  experiment(980, () => {
    if (db.pragma('integrity_check', { simple: true }) !== 'ok') throw new Error('the database is damaged')
  })
  experiment(990, () => db.exec('ANALYZE'))
  return times
}
