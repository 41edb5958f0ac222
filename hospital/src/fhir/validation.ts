/**
 * Validation against R4's own definitions with @medplum/core, in a worker of its own: it takes milliseconds to seconds a
 * resource, and a thread that validates answers nobody.
 *
 * `off`: nothing. `warn`: the write goes on; findings are counted and given to `onFinding`. `refuse`: the write waits, and
 * what does not validate is refused with `FHIR_INVALID` and the places.
 *
 * @module
 */
import { Worker } from 'node:worker_threads'
import type { FhirResource } from '../../../shared/fhir/src/index.ts'
import { FhirRequestError } from './errors.ts'

export type ValidationPolicy = 'off' | 'warn' | 'refuse'

/** Where it fails and which rule; never a value of the resource. */
export interface Finding {
  readonly expression: string
  readonly rule: string
}

/** Resources larger than this are not validated: minutes of work for one (R4's own Bundles of definitions). */
const MAX_VALIDATED_CHARS = 2_000_000

export class Validation {
  readonly #policy: ValidationPolicy
  readonly #onFinding: (type: string, findings: readonly Finding[]) => void
  readonly #waiting = new Map<number, (findings: readonly Finding[]) => void>()
  #worker: Worker | undefined
  #next = 0

  constructor(policy: ValidationPolicy, onFinding: (type: string, findings: readonly Finding[]) => void = () => {}) {
    this.#policy = policy
    this.#onFinding = onFinding
  }

  /** @throws {FhirRequestError} `FHIR_INVALID`, under `refuse` only. */
  async check(resource: FhirResource): Promise<void> {
    if (this.#policy === 'off') return
    const findings = this.#validate(resource)
    if (this.#policy === 'warn') {
      void findings.then((found) => found.length > 0 && this.#onFinding(resource.resourceType, found))
      return
    }
    const [first, ...rest] = await findings
    if (first === undefined) return
    throw new FhirRequestError('FHIR_INVALID', {
      detail: `${first.rule} (${first.expression})${rest.length === 0 ? '' : ` and ${rest.length} more`}`,
      expression: [first, ...rest].map(({ expression }) => expression),
    })
  }

  close(): void {
    void this.#worker?.terminate()
    this.#worker = undefined
    for (const settle of this.#waiting.values()) settle([])
    this.#waiting.clear()
  }

  #validate(resource: FhirResource): Promise<readonly Finding[]> {
    const text = JSON.stringify(resource)
    if (text.length > MAX_VALIDATED_CHARS) return Promise.resolve([])
    this.#worker ??= this.#start()
    const id = this.#next++
    const answer = new Promise<readonly Finding[]>((resolve) => this.#waiting.set(id, resolve))
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window.
    this.#worker.postMessage({ id, text })
    return answer
  }

  #start(): Worker {
    const worker = new Worker(new URL('validation-worker.ts', import.meta.url))
    worker.unref()
    worker.on('message', ({ id, findings }: { id: number; findings: readonly Finding[] }) => {
      this.#waiting.get(id)?.(findings)
      this.#waiting.delete(id)
    })
    // Without a validator nothing is valid: under `refuse` the write fails, it does not slip through.
    worker.on('error', () => {
      for (const settle of this.#waiting.values()) settle([{ expression: '', rule: 'the validator ended' }])
      this.#waiting.clear()
      this.#worker = undefined
    })
    return worker
  }
}
