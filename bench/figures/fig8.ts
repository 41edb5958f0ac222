/**
 * Fig. 8 of the paper: what encryption adds to an INSERT, by phase. Per page: random numbers (the initialization vector),
 * cipher (AES-256-CBC), hmac (HMAC-SHA-512), each by `node:crypto` on a page as SQLCipher 4 lays it out. Then the same
 * from outside: INSERT of 10,000 rows into plain, encrypted without the check, encrypted, in alternating rounds; the
 * pages written are counted in the write-ahead log. Table 5 of the paper has the statement.
 *
 * @module
 */
import { createCipheriv, createHmac, createSecretKey, randomBytes, randomFillSync } from 'node:crypto'
import { statSync } from 'node:fs'
import { barsBeside, valueOf } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { middle, spread, type Report } from '../harness/report.ts'
import { median } from '../harness/statistics.ts'
import { PAGE_BYTES, timed, withDatabase, type DatabaseKind } from './database.ts'
import { insertRows, prepareTable } from './fig7.ts'

/** SQLCipher 4: the last 80 bytes of a page are its vector and its HMAC-SHA-512. */
const RESERVED_BYTES = 80
const PAGES_A_SAMPLE = 200
/** WAL: a header of 32 bytes, a frame is a header of 24 bytes and a page. */
const FRAME_BYTES = 24 + PAGE_BYTES
const KINDS = ['plain', 'sqlcipher-no-hmac', 'sqlcipher'] as const satisfies readonly DatabaseKind[]

/** From the paper's text, microseconds of one INSERT; "random number generation and hmac check take 167 µs" together. */
const PAPER_US = { cipher: 69, 'random + hmac': 167 } as const

export const fig8: Measurement = {
  id: 'fig8',
  title: 'Fig. 8: the phases of an INSERT',
  gives: ['insert_phase_', 'insert_pages', 'insert_added_'],
  run: (report, { isQuick }) => measureInsertPhases(report, isQuick ? 5 : 25),
  plots: (report) => {
    const random = valueOf(report, 'insert_phase_random_us')
    const hmac = valueOf(report, 'insert_phase_hmac_us')
    const both = random === undefined || hmac === undefined ? undefined : random + hmac
    const ours = { cipher: valueOf(report, 'insert_phase_cipher_us'), 'random + hmac': both, random, hmac }
    return barsBeside(
      'fig8',
      'Microseconds of the phases of encryption, paper and ours',
      [
        ...Object.entries(PAPER_US).map(([group, value]) => ({ group, series: 'paper, an INSERT', value })),
        ...Object.entries(ours).map(([group, value]) => ({ group, series: 'ours, a page of 8 KiB', value })),
      ],
      { axis: 'µs (logarithmic)', isLogarithmic: true },
    )
  },
}

function measureInsertPhases(report: Report, rounds: number): void {
  const key = createSecretKey(randomBytes(32))
  const hmacKey = createSecretKey(randomBytes(32))
  const page = randomBytes(PAGE_BYTES - RESERVED_BYTES)
  const vector = Buffer.alloc(16)
  const phases: Record<string, () => void> = {
    random: () => void randomFillSync(vector),
    cipher: () => {
      const cipher = createCipheriv('aes-256-cbc', key, vector).setAutoPadding(false)
      cipher.update(page)
      cipher.final()
    },
    hmac: () => void createHmac('sha512', hmacKey).update(page).update(vector).digest(),
  }
  const samples: Record<string, number[]> = { random: [], cipher: [], hmac: [] }
  const inserts: Record<(typeof KINDS)[number], number[]> = { plain: [], 'sqlcipher-no-hmac': [], sqlcipher: [] }
  let pages = 0
  for (let round = -1; round < rounds; round++) {
    for (const [name, phase] of Object.entries(phases)) {
      const ms = timed(() => {
        for (let i = 0; i < PAGES_A_SAMPLE; i++) phase()
      })
      if (round >= 0) samples[name]?.push((ms * 1000) / PAGES_A_SAMPLE)
    }
    for (const kind of KINDS) {
      const measured = insertOnce(kind)
      pages = measured.pages
      if (round >= 0) inserts[kind].push(measured.ms)
    }
  }
  for (const [name, us] of Object.entries(samples)) report.metrics[`insert_phase_${name}_us`] = spread(us, 'us')
  const added = (kind: 'sqlcipher' | 'sqlcipher-no-hmac', beside: 'plain' | 'sqlcipher-no-hmac') =>
    middle(
      inserts[kind].map((ms, round) => ms - (inserts[beside][round] as number)),
      'ms',
    )
  report.metrics['insert_pages'] = { value: pages, unit: 'pages', n: 1 }
  const perPage = Object.values(samples).reduce((sum, us) => sum + median(us), 0)
  report.metrics['insert_added_by_phases_ms'] = { value: (pages * perPage) / 1000, unit: 'ms', n: rounds }
  report.metrics['insert_added_cipher_ms'] = added('sqlcipher-no-hmac', 'plain')
  report.metrics['insert_added_hmac_ms'] = added('sqlcipher', 'sqlcipher-no-hmac')
  report.metrics['insert_added_total_ms'] = added('sqlcipher', 'plain')
}

/** @returns how long it took, and how many pages it wrote. */
function insertOnce(kind: DatabaseKind): { readonly ms: number; readonly pages: number } {
  return withDatabase(kind, (db, path) => {
    prepareTable(db)
    const before = statSync(`${path}-wal`).size
    const ms = timed(() => insertRows(db))
    return { ms, pages: Math.round((statSync(`${path}-wal`).size - before) / FRAME_BYTES) }
  })
}
