/**
 * Bulk jobs of one hospital, one after the other. Those that a stop cut off go on at the next start.
 *
 * @module
 */
import { isErrorCode, ProtocolError } from '../../../shared/protocol/src/index.ts'
import type { Actor } from '../authorization.ts'
import type { BulkFile, BulkJob, BulkRequest, JobStore } from './job-store.ts'
import { runExport, runImport, type RunParts } from './run.ts'

const MAX_RUNNING = 8

export interface BulkParts extends Omit<RunParts, 'isGone'> {
  readonly jobs: JobStore
  readonly nowMs: () => number
  readonly onFault: (where: string, error: unknown) => void
}

export class Bulk {
  readonly #parts: BulkParts
  #working: Promise<void> | undefined
  #isStopped = false

  constructor(parts: BulkParts) {
    this.#parts = parts
  }

  /** @throws {ProtocolError} `HTTP_RATE_LIMITED` when too many of the caller's jobs run. */
  begin(actor: Actor, request: BulkRequest, input?: string): BulkJob {
    const { jobs, nowMs } = this.#parts
    jobs.removeEnded(nowMs())
    if (jobs.running(actor.id).length >= MAX_RUNNING) throw new ProtocolError('HTTP_RATE_LIMITED', 'too many jobs run')
    let job: BulkJob | undefined
    jobs.atOnce(() => {
      job = jobs.add(actor.id, request, nowMs())
      if (input !== undefined) jobs.addFile(job.id, { use: 'input', type: 'NDJSON', count: 0 }, input)
    })
    this.start()
    return job as unknown as BulkJob
  }

  /** @throws {ProtocolError} `HTTP_NOT_FOUND`, also for somebody else's. */
  require(actor: Actor, id: string): BulkJob & { readonly files: readonly BulkFile[] } {
    const job = this.#parts.jobs.find(id)
    if (job === undefined || job.owner !== actor.id)
      throw new ProtocolError('HTTP_NOT_FOUND', 'no such job of the caller')
    return { ...job, files: this.#parts.jobs.files(id) }
  }

  /** NDJSON. @throws {ProtocolError} `HTTP_NOT_FOUND` */
  file(actor: Actor, id: string, n: number): Buffer {
    const { files } = this.require(actor, id)
    const content = files.some((one) => one.n === n && one.use !== 'input')
      ? this.#parts.jobs.content(id, n)
      : undefined
    if (content === undefined) throw new ProtocolError('HTTP_NOT_FOUND', 'no such file')
    return content
  }

  /** Ends it where it is, and removes what it made. */
  remove(actor: Actor, id: string): void {
    this.require(actor, id)
    this.#parts.jobs.remove(id)
  }

  /** Works until nothing is left. */
  start(): void {
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#working
  }

  async #work(): Promise<void> {
    const { jobs } = this.#parts
    // Whoever asked gets the answer first.
    await new Promise((resolve) => setImmediate(resolve))
    for (let [job] = jobs.running(); job !== undefined && !this.#isStopped; [job] = jobs.running()) await this.#run(job)
  }

  async #run(job: BulkJob): Promise<void> {
    const { jobs, nowMs, onFault, service, mayTreat } = this.#parts
    const isGone = (id: string) => this.#isStopped || jobs.find(id) === undefined
    const parts: RunParts = { jobs, service, mayTreat, isGone }
    try {
      if (job.request.kind === 'export') await runExport(parts, job, job.request)
      else await runImport(parts, job, job.request)
      if (!this.#isStopped) jobs.end(job.id, 'done', nowMs())
    } catch (error) {
      const { code } = (error ?? {}) as { readonly code?: unknown }
      if (!isErrorCode(code)) onFault('bulk', error)
      jobs.end(job.id, 'failed', nowMs(), isErrorCode(code) ? code : 'SERVICE_FAULT')
    }
  }
}
