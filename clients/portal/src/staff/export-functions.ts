/**
 * Exports by FHIR Bulk Data: one job at a time, which goes on while the page is closed; its number is kept with the
 * identity, so that a later visit finds it. Spec: hl7.org/fhir/uv/bulkdata.
 *
 * @module
 */
import { ClientError } from '../../../sdk/src/errors.ts'
import { authorizationOf, type RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import { timeOf } from '../fhir/read.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { codeOfOutcome, refusalOf } from './outcome.ts'

export interface ExportFile {
  readonly n: number
  readonly type: string
  readonly count: number
}

export type ExportState =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly done: number; readonly total: number; readonly startedMs: number }
  | {
      readonly state: 'done'
      /** What was stored before this is in it. */
      readonly timeMs: number
      readonly files: readonly ExportFile[]
      /** What was left out, as lines of OperationOutcome. */
      readonly refused: readonly ExportFile[]
    }
  /** It ended otherwise, or was kept for too long. */
  | { readonly state: 'failed'; readonly code: string }

/** What to export: all people of the house, or everything that it holds; some kinds, or all. */
export interface ExportWish {
  readonly level: 'patients' | 'system'
  readonly types: readonly string[]
  readonly since: string
}

const JOB = /\/bulk\/([\w-]{1,64})$/
const KEY = 'exportJob'

export function exportFunctions(context: WorkerContext, as: () => Promise<RequestSigner>) {
  async function ask(method: 'GET' | 'DELETE', path: string, accept: string): Promise<Response> {
    const authorization = await authorizationOf(context.crypto, context.clock, await as(), method, path)
    const headers = { accept, authorization, prefer: 'respond-async' }
    try {
      return await fetch(location.origin + path, { method, headers, cache: 'no-store' })
    } catch (cause) {
      throw new ClientError('SERVER_UNAVAILABLE', { cause })
    }
  }

  async function job(): Promise<{ readonly id: string; readonly startedMs: number } | undefined> {
    const { kept } = await context.acting()
    // As it is now: `acting` has it as it was when this tab began.
    const found = (await context.keys.find(kept.id))?.extra?.[KEY] as { id?: unknown; startedMs?: unknown } | undefined
    const { id, startedMs } = found ?? {}
    return typeof id === 'string' && typeof startedMs === 'number' ? { id, startedMs } : undefined
  }

  async function keepJob(one: { readonly id: string; readonly startedMs: number } | undefined): Promise<void> {
    const { kept } = await context.acting()
    const { [KEY]: _, ...extra } = (await context.keys.find(kept.id))?.extra ?? {}
    await context.keys.change(kept.id, { extra: one === undefined ? extra : { ...extra, [KEY]: one } })
  }

  async function stateNow(): Promise<ExportState> {
    const known = await job()
    if (known === undefined) return { state: 'none' }
    const response = await ask('GET', `/bulk/${known.id}`, 'application/json')
    if (response.status === 202) {
      const [done = 0, total = 0] = (response.headers.get('x-progress') ?? '').split(' of ').map(Number)
      return { state: 'running', done, total, startedMs: known.startedMs }
    }
    const answer = (await response.json()) as Manifest
    if (!response.ok) return { state: 'failed', code: codeOfOutcome(answer) }
    return {
      state: 'done',
      timeMs: Date.parse(String(answer.transactionTime)),
      files: filesOf(answer.output),
      refused: filesOf(answer.error),
    }
  }

  return {
    exportState: stateNow,

    /** @throws {ClientError} also where the role does not reach that far: `FHIR_FORBIDDEN`. */
    async startExport({ level, types, since }: ExportWish): Promise<ExportState> {
      const query = new URLSearchParams({
        ...(types.length === 0 ? {} : { _type: types.join(',') }),
        ...(since === '' ? {} : { _since: new Date(timeOf(since)).toISOString() }),
      })
      const path = `/fhir/${level === 'system' ? '' : 'Patient/'}$export${query.size === 0 ? '' : `?${query.toString()}`}`
      const response = await ask('GET', path, 'application/fhir+json')
      const id = JOB.exec(response.headers.get('content-location') ?? '')?.[1]
      if (response.status !== 202 || id === undefined) throw refusalOf(await response.json())
      await keepJob({ id, startedMs: context.clock.nowMs() })
      return await stateNow()
    },

    /** One file, as text of NDJSON. */
    async exportFile(n: number): Promise<string> {
      const known = await job()
      const response = await ask('GET', `/bulk/${known?.id ?? ''}/${n}`, 'application/fhir+ndjson')
      if (!response.ok) throw refusalOf(await response.json().catch(() => undefined))
      return await response.text()
    },

    /** Ends the job and removes its files from the hospital's store. */
    async endExport(): Promise<ExportState> {
      const known = await job()
      if (known !== undefined) {
        const { status } = await ask('DELETE', `/bulk/${known.id}`, 'application/fhir+json')
        // Gone already is gone.
        if (status !== 202 && status !== 404) throw new ClientError('SERVER_UNAVAILABLE')
      }
      await keepJob(undefined)
      return { state: 'none' }
    },
  }
}

interface Manifest {
  readonly transactionTime?: unknown
  readonly output?: unknown
  readonly error?: unknown
}

function filesOf(listed: unknown): readonly ExportFile[] {
  if (!Array.isArray(listed)) return []
  return (listed as readonly { readonly type?: unknown; readonly url?: unknown; readonly count?: unknown }[]).map(
    ({ type, url, count }) => ({
      n: Number(/\/(\d{1,6})$/.exec(String(url))?.[1] ?? -1),
      type: String(type),
      count: Number(count),
    }),
  )
}
