/**
 * What a bulk job does, step by step: an export goes through the patients, an import through its lines. Everything goes
 * by way of the FHIR façade, with the scopes of whoever asked, read by the hospital's own session: each read stands in
 * the patient's access log.
 *
 * @module
 */
import { isResourceType, operationOutcome } from '../../../shared/fhir/src/index.ts'
import { isErrorCode, type ErrorCode, type PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Candidate } from '../fhir/candidate.ts'
import { FhirRequestError } from '../fhir/errors.ts'
import { failureOf } from '../fhir/outcome.ts'
import type { FhirService } from '../fhir/service.ts'
import type { BulkJob, BulkRequest, JobStore } from './job-store.ts'

/** A file ends when it passes this. */
const MAX_FILE_CHARACTERS = 4 * 2 ** 20
/** What belongs to no patient, for a system export. */
const SHARED_TYPES = [
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Location',
  'Medication',
  'Device',
  'Substance',
]

export interface RunParts {
  readonly jobs: JobStore
  readonly service: () => FhirService
  readonly mayTreat: (practitioner: string, patient: PatientRef) => boolean
  /** The job was taken away, or the service stops. */
  readonly isGone: (job: string) => boolean
}

type ExportRequest = Extract<BulkRequest, { kind: 'export' }>

export async function runExport(parts: RunParts, job: BulkJob, request: ExportRequest): Promise<void> {
  const { jobs, service, isGone } = parts
  const { library } = service().parts
  jobs.removeOutput(job.id)
  const patients = patientsOf(parts, request)
  const output = new Output(jobs, job.id)
  const isWanted = (one: Candidate) =>
    (request.types === undefined || request.types.includes(one.type)) &&
    (request.sinceMs === undefined || one.changedMs >= request.sinceMs) &&
    library.maySee(request.actor, one)
  const write = async (candidates: readonly Candidate[]) => {
    const versions = await library.versionsOf(request.actor, candidates.filter(isWanted))
    for (const version of versions) {
      if ('code' in version) output.refused(version.code)
      else output.add(version.type, version.text)
    }
  }
  for (const [i, ref] of patients.entries()) {
    if (isGone(job.id)) return
    jobs.progress(job.id, i, patients.length)
    const own = await library.find(request.actor, 'Patient', ref)
    const compartment = await library.compartment(ref)
    await write([...(own === undefined ? [] : [own]), ...compartment.filter(({ type }) => type !== 'Patient')])
  }
  if (request.level === 'system') {
    for (const type of SHARED_TYPES.filter((one) => request.types?.includes(one) ?? true)) {
      // What the scopes do not allow is left out, as elsewhere.
      const shared = await library.candidates(request.actor, type).catch(() => [])
      await write(shared.filter(({ patient }) => patient === undefined))
    }
  }
  output.close()
  jobs.progress(job.id, patients.length, patients.length)
}

export async function runImport(
  { jobs, service, isGone }: RunParts,
  job: BulkJob,
  { actor, patient }: Extract<BulkRequest, { kind: 'import' }>,
): Promise<void> {
  const text = jobs.content(job.id, 0)?.toString('utf8') ?? ''
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  for (let i = job.done; i < lines.length; i++) {
    if (isGone(job.id)) return
    const line = lines[i] as string
    const refusal = await importLine(
      service(),
      { actor, ...(patient === undefined ? {} : { patient }) },
      line,
      i === job.done && i > 0,
    )
    jobs.atOnce(() => {
      if (refusal !== undefined) {
        const { code, words } = refusal
        const outcome = operationOutcome({
          severity: 'error',
          code: 'processing',
          errorCode: code,
          diagnostics: `line ${i + 1}: ${code}: ${words}`,
        })
        jobs.addFile(job.id, { use: 'error', type: 'OperationOutcome', count: 1 }, `${JSON.stringify(outcome)}\n`)
      }
      jobs.progress(job.id, i + 1, lines.length)
    })
  }
}

/** @param isAgain a stop came while this line was under way: one that is there already is not written twice. */
async function importLine(
  service: FhirService,
  request: { readonly actor: BulkRequest['actor']; readonly patient?: string },
  text: string,
  isAgain: boolean,
): Promise<{ readonly code: ErrorCode; readonly words: string } | undefined> {
  try {
    const { resourceType, id } = nameIn(text)
    const path = id === undefined ? resourceType : `${resourceType}/${encodeURIComponent(id)}`
    if (isAgain && id !== undefined) {
      const known = await service.handle({ ...request, method: 'GET', path }).catch(() => undefined)
      if (known?.status === 200) return undefined
    }
    await service.handle({ ...request, method: id === undefined ? 'POST' : 'PUT', path, text })
    return undefined
  } catch (error) {
    if (!isErrorCode((error as { readonly code?: unknown }).code)) throw error
    const { code, outcome } = failureOf(error)
    return { code, words: outcome.issue[0]?.diagnostics ?? '' }
  }
}

/** @throws {FhirRequestError} `FHIR_NOT_JSON`, `FHIR_UNKNOWN_RESOURCE_TYPE` */
function nameIn(text: string): { readonly resourceType: string; readonly id?: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new FhirRequestError('FHIR_NOT_JSON', { cause })
  }
  const { resourceType, id } = (parsed ?? {}) as { readonly resourceType?: unknown; readonly id?: unknown }
  if (typeof resourceType !== 'string' || !isResourceType(resourceType))
    throw new FhirRequestError('FHIR_UNKNOWN_RESOURCE_TYPE')
  return { resourceType, ...(typeof id === 'string' ? { id } : {}) }
}

function patientsOf({ service, mayTreat }: RunParts, { level }: ExportRequest): readonly PatientRef[] {
  const all = service()
    .parts.directory.patients()
    .map(({ ref }) => ref)
  if (typeof level === 'string' || level.group === 'patients') return all
  return all.filter((patient) => mayTreat(level.group, patient))
}

/** NDJSON files, one type each. */
class Output {
  readonly #jobs: JobStore
  readonly #job: string
  readonly #open = new Map<string, { lines: string[]; characters: number }>()
  readonly #refused = new Map<string, number>()

  constructor(jobs: JobStore, job: string) {
    this.#jobs = jobs
    this.#job = job
  }

  add(type: string, text: string): void {
    const file = this.#open.get(type) ?? { lines: [], characters: 0 }
    this.#open.set(type, file)
    // One line each: line ends in JSON stand between members only.
    file.lines.push(text.replaceAll(/[\r\n]+/g, ' '))
    file.characters += text.length
    if (file.characters >= MAX_FILE_CHARACTERS) this.#write(type)
  }

  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1)
  }

  close(): void {
    for (const type of [...this.#open.keys()].toSorted()) this.#write(type)
    const outcomes = [...this.#refused].map(([code, count]) =>
      JSON.stringify(
        operationOutcome({
          severity: 'warning',
          code: 'suppressed',
          errorCode: code,
          diagnostics: `${count} not exported: ${code}`,
        }),
      ),
    )
    if (outcomes.length > 0) {
      const file = { use: 'error', type: 'OperationOutcome', count: outcomes.length } as const
      this.#jobs.addFile(this.#job, file, `${outcomes.join('\n')}\n`)
    }
  }

  #write(type: string): void {
    const file = this.#open.get(type)
    this.#open.delete(type)
    if (file === undefined || file.lines.length === 0) return
    this.#jobs.addFile(this.#job, { use: 'output', type, count: file.lines.length }, `${file.lines.join('\n')}\n`)
  }
}
