/**
 * Users of the hospital's FHIR R4 API, by autocannon: each has a connection and one request under way, creates
 * laboratory results, reads them, and updates them. The hospital signs and keeps the session; a practice token lets in.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import autocannon from 'autocannon'
import { PRACTICE_TOKEN_FILE } from '../../hospital/src/fhir/practice-token.ts'
import { decodeUtf8 } from '../../shared/crypto/src/index.ts'
import type { RunningBench } from './running.ts'
import { ehrText } from './texts.ts'

export interface FhirLoad {
  readonly latenciesMs: Readonly<Record<FhirOperation, readonly number[]>>
  readonly seconds: number
  /** A status, or what autocannon counted. */
  readonly failures: readonly string[]
}

export type FhirOperation = 'create' | 'query' | 'update'

/** Of five requests two create, two query, one updates. */
const CYCLE: readonly FhirOperation[] = ['create', 'query', 'create', 'query', 'update']
/** Patience with one answer, not a measure of speed. */
const TIMEOUT_S = 60

/** What one connection remembers between its requests. */
interface Memory {
  patient?: string
  id?: string
  startMs?: number
}

export async function loadFhir(bench: RunningBench, users: number, windowMs: number): Promise<FhirLoad> {
  const token = readFileSync(join(bench.system.folder, 'hospital', PRACTICE_TOKEN_FILE), 'utf8').trim()
  const latenciesMs: Record<FhirOperation, number[]> = { create: [], query: [], update: [] }
  const failures: string[] = []
  let next = 0
  let texts = 0
  const bodyOf = (patient: string, id?: string): string => {
    const resource = JSON.parse(decodeUtf8(ehrText(texts++))) as object
    return JSON.stringify({
      ...resource,
      ...(id === undefined ? {} : { id }),
      subject: { reference: `Patient/${patient}` },
    })
  }
  const requestOf = (operation: FhirOperation): autocannon.Request => ({
    setupRequest(request, context: object) {
      const memory = context as Memory
      memory.patient ??= bench.population.imports[next++ % bench.population.imports.length]?.patient ?? ''
      memory.startMs = performance.now()
      const id = operation === 'create' ? undefined : memory.id
      // Before the first answer there is nothing to read yet: that is autocannon's own check of the requests.
      const path = `/fhir/Observation${operation === 'create' ? '' : `/${id ?? 'none'}`}`
      const method = ({ create: 'POST', query: 'GET', update: 'PUT' } as const)[operation]
      return { ...request, path, method, ...(operation === 'query' ? {} : { body: bodyOf(memory.patient, id) }) }
    },
    onResponse(status, body, context: object) {
      const memory = context as Memory
      if (status === 200 || status === 201) {
        latenciesMs[operation].push(performance.now() - (memory.startMs ?? 0))
        if (operation === 'create') memory.id = (JSON.parse(body) as { readonly id: string }).id
      } else failures.push(`${operation} ${status}: ${body.slice(0, 200)}`)
    },
  })
  const startMs = performance.now()
  const result = await autocannon({
    url: bench.system.hospitalUrl,
    connections: users,
    duration: windowMs / 1000,
    timeout: TIMEOUT_S,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
    requests: CYCLE.map(requestOf),
  })
  const seconds = (performance.now() - startMs) / 1000
  for (const kind of ['errors', 'timeouts'] as const) if (result[kind] > 0) failures.push(`${kind} ${result[kind]}`)
  return { latenciesMs, seconds, failures }
}
