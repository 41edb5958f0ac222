/**
 * Bulk jobs and their files, in the hospital's encrypted store. A job that a stop cut off is found and goes on.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Actor } from '../authorization.ts'
import type { HospitalDatabase } from '../database.ts'

/** Of one that has ended, until it is removed by itself. */
export const KEPT_MS = 24 * 3_600_000

export type BulkRequest =
  | {
      readonly kind: 'export'
      readonly actor: Actor
      /** As it was asked, for the manifest. */
      readonly url: string
      /** `system`: also who and what belongs to no patient. A group's id, or all patients. */
      readonly level: 'system' | 'patient' | { readonly group: string }
      readonly types?: readonly string[]
      readonly sinceMs?: number
    }
  | { readonly kind: 'import'; readonly actor: Actor; readonly url: string; readonly patient?: string }

export interface BulkJob {
  readonly id: string
  readonly owner: string
  readonly request: BulkRequest
  readonly state: 'running' | 'done' | 'failed'
  /** Lines or patients that are done, and how many there are. */
  readonly done: number
  readonly total: number
  readonly code?: string
  readonly createdMs: number
  readonly endedMs?: number
}

export interface BulkFile {
  readonly n: number
  readonly use: 'output' | 'error' | 'input'
  readonly type: string
  readonly count: number
}

export class JobStore {
  readonly #db: HospitalDatabase

  constructor(db: HospitalDatabase) {
    this.#db = db
  }

  add(owner: string, request: BulkRequest, nowMs: number): BulkJob {
    const id = randomBytes(16).toString('hex')
    this.#db
      .prepare(`INSERT INTO bulk_job VALUES (?, ?, ?, 'running', 0, 0, NULL, ?, NULL)`)
      .run(id, owner, JSON.stringify(request), nowMs)
    return this.find(id) as BulkJob
  }

  find(id: string): BulkJob | undefined {
    const row = this.#db.prepare('SELECT * FROM bulk_job WHERE id = ?').get(id) as JobRow | undefined
    return row === undefined ? undefined : jobOf(row)
  }

  /** Oldest first. */
  running(owner?: string): BulkJob[] {
    const rows = this.#db.prepare(`SELECT * FROM bulk_job WHERE state = 'running' ORDER BY created_ms, rowid`).all()
    return (rows as JobRow[]).map(jobOf).filter((job) => owner === undefined || job.owner === owner)
  }

  progress(id: string, done: number, total: number): void {
    this.#db.prepare('UPDATE bulk_job SET done = ?, total = ? WHERE id = ?').run(done, total, id)
  }

  end(id: string, state: 'done' | 'failed', nowMs: number, code?: string): void {
    this.#db
      .prepare(`UPDATE bulk_job SET state = ?, code = ?, ended_ms = ? WHERE id = ? AND state = 'running'`)
      .run(state, code ?? null, nowMs, id)
  }

  remove(id: string): void {
    this.#db.transaction(() => {
      this.#db.prepare('DELETE FROM bulk_file WHERE job = ?').run(id)
      this.#db.prepare('DELETE FROM bulk_job WHERE id = ?').run(id)
    })()
  }

  removeEnded(nowMs: number): void {
    const old = this.#db
      .prepare('SELECT id FROM bulk_job WHERE ended_ms < ?')
      .pluck()
      .all(nowMs - KEPT_MS) as string[]
    for (const id of old) this.remove(id)
  }

  /** @param lines NDJSON. */
  addFile(job: string, { use, type, count }: Omit<BulkFile, 'n'>, lines: string): void {
    this.#db
      .prepare(
        `INSERT INTO bulk_file SELECT ?, coalesce(max(n) + 1, 0), ?, ?, ?, ? FROM bulk_file WHERE job = ?
         HAVING (SELECT count(*) FROM bulk_job WHERE id = ?) = 1`,
      )
      .run(job, use, type, count, Buffer.from(lines, 'utf8'), job, job)
  }

  files(job: string): BulkFile[] {
    return this.#db.prepare('SELECT n, use, type, count FROM bulk_file WHERE job = ? ORDER BY n').all(job) as BulkFile[]
  }

  content(job: string, n: number): Buffer | undefined {
    return this.#db.prepare('SELECT content FROM bulk_file WHERE job = ? AND n = ?').pluck().get(job, n) as
      Buffer | undefined
  }

  /** An export begins anew after a stop. */
  removeOutput(job: string): void {
    this.#db.prepare(`DELETE FROM bulk_file WHERE job = ? AND use <> 'input'`).run(job)
  }

  /** A step of an import: what was refused, and how far it is, at once. */
  atOnce(work: () => void): void {
    this.#db.transaction(work)()
  }
}

interface JobRow {
  readonly id: string
  readonly owner: string
  readonly request: string
  readonly state: BulkJob['state']
  readonly done: number
  readonly total: number
  readonly code: string | null
  readonly created_ms: number
  readonly ended_ms: number | null
}

function jobOf(row: JobRow): BulkJob {
  return {
    id: row.id,
    owner: row.owner,
    request: JSON.parse(row.request) as BulkRequest,
    state: row.state,
    done: row.done,
    total: row.total,
    createdMs: row.created_ms,
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.ended_ms === null ? {} : { endedMs: row.ended_ms }),
  }
}
