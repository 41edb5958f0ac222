/**
 * Bundles: the entries with the exact text of each resource, so that a record taken out of a Bundle keeps the bytes it
 * was sent in, and whose patient each resource is.
 *
 * Limits: the whole Bundle is in memory; for more use NDJSON (ndjson.ts). Entries are not executed: what `request`
 * asks for is the importer's matter. References are resolved inside the Bundle only.
 * Source: FHIR R4 https://hl7.org/fhir/R4/bundle.html (§2.36.4 resolving references).
 *
 * @module
 */
import { FhirError } from './errors.ts'
import { eachElement, eachMember, skipSpace } from './json-text.ts'
import type { JsonLimits } from './json-text.ts'
import { isObject, textOf } from './json-value.ts'
import { referenceTextOf, subjectReferencesOf, targetTypeOf } from './references.ts'
import { parseResource } from './resource.ts'
import type { FhirResource } from './resource.ts'

/** 64 MiB, and the 3 levels around a resource (Bundle, list, entry) more than it may have itself. */
export const BUNDLE_LIMITS: JsonLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 67 }

export interface BundleEntry {
  /** Position in the Bundle, from 0. */
  readonly index: number
  readonly fullUrl?: string
  /** `request.method` and `request.url`, as written. */
  readonly method?: string
  readonly url?: string
  /** `request.ifMatch` and `request.ifNoneExist`, as written. */
  readonly ifMatch?: string
  readonly ifNoneExist?: string
  /** The resource's text, a slice of the Bundle's; absent for an entry without a resource (a DELETE). */
  readonly resourceText?: string
}

export interface SplitBundle {
  /** `Bundle.type` as written: transaction, collection, searchset, batch, document, … */
  readonly type?: string
  readonly id?: string
  readonly entries: readonly BundleEntry[]
}

/** An entry with its resource read. */
export interface LinkedEntry {
  readonly entry: BundleEntry
  readonly resource: FhirResource
  /**
   * The patient it is about: the `fullUrl` (or `Patient/id`) of an entry of this Bundle, else the literal reference as
   * written; absent when the resource names no patient (Practitioner, Organization, Medication).
   */
  readonly patient?: string
}

export interface LinkedBundle {
  readonly type?: string
  readonly entries: readonly LinkedEntry[]
  /** Keys of the Patient entries, in order, as `LinkedEntry.patient` names them. */
  readonly patients: readonly string[]
}

/**
 * Splits a Bundle. The resources inside are not checked one by one here; `linkBundle` does it.
 *
 * @param text Decoded from well-formed UTF-8.
 * @throws {FhirError} as `parseResource`, and `FHIR_NOT_A_BUNDLE` for another resource or an `entry` that is no list of
 *   objects.
 */
export function splitBundle(text: string, limits: Partial<JsonLimits> = {}): SplitBundle {
  const bundle = parseResource(text, { ...BUNDLE_LIMITS, ...limits })
  const list = bundle['entry'] ?? []
  if (bundle.resourceType !== 'Bundle' || !Array.isArray(list) || !list.every(isObject)) {
    throw new FhirError('FHIR_NOT_A_BUNDLE', 'the resource is not a Bundle with a list of entries')
  }
  const slices = resourceSlices(text)
  const type = textOf(bundle['type'])
  return {
    ...(type === undefined ? {} : { type }),
    ...(bundle.id === undefined ? {} : { id: bundle.id }),
    entries: list.map((entry, index) => {
      const request = isObject(entry['request']) ? entry['request'] : {}
      const fullUrl = textOf(entry['fullUrl'])
      const method = textOf(request['method'])
      const url = textOf(request['url'])
      const ifMatch = textOf(request['ifMatch'])
      const ifNoneExist = textOf(request['ifNoneExist'])
      const resourceText = slices[index]
      return {
        index,
        ...(fullUrl === undefined ? {} : { fullUrl }),
        ...(method === undefined ? {} : { method }),
        ...(url === undefined ? {} : { url }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(ifNoneExist === undefined ? {} : { ifNoneExist }),
        ...(resourceText === undefined ? {} : { resourceText }),
      }
    }),
  }
}

/**
 * Reads the resources of a split Bundle and finds the patient of each.
 *
 * @throws {FhirError} as `parseResource`, with the entry's index as `position`.
 */
export function linkBundle(bundle: SplitBundle, limits: Partial<JsonLimits> = {}): LinkedBundle {
  const read = bundle.entries.flatMap((entry) =>
    entry.resourceText === undefined ? [] : [{ entry, resource: parseEntry(entry, entry.resourceText, limits) }],
  )
  const targets = new Targets(read)
  const entries = read.map(({ entry, resource }) => {
    const patient = patientOf(entry, resource, targets)
    return patient === undefined ? { entry, resource } : { entry, resource, patient }
  })
  const patients = read
    .filter(({ resource }) => resource.resourceType === 'Patient')
    .flatMap(({ entry, resource }) => keyOf(entry, resource) ?? [])
  return { ...(bundle.type === undefined ? {} : { type: bundle.type }), entries, patients }
}

interface ReadEntry {
  readonly entry: BundleEntry
  readonly resource: FhirResource
}

/** The entries by the names under which references find them. */
class Targets {
  readonly #byName = new Map<string, ReadEntry>()
  /** `Type/id` that several entries have: resolves to none of them. */
  readonly #ambiguous = new Set<string>()

  constructor(entries: readonly ReadEntry[]) {
    for (const read of entries) {
      // bundle.html: fullUrls are unique; if a sender repeats one, the first stands.
      const { fullUrl } = read.entry
      if (fullUrl !== undefined && !this.#byName.has(fullUrl)) this.#byName.set(fullUrl, read)
    }
    for (const read of entries) {
      const name = relativeNameOf(read.resource)
      if (name === undefined) continue
      const other = this.#byName.get(name)
      if (other !== undefined && other !== read) this.#ambiguous.add(name)
      else this.#byName.set(name, read)
    }
  }

  /** bundle.html §2.36.4.1: absolute as it is; relative on the base of the referring entry; last, by type and id. */
  find(reference: string, from: BundleEntry): ReadEntry | undefined {
    const plain = reference.replace(/\/_history\/[^/]*$/, '')
    const base = baseOf(from.fullUrl)
    const absolute = base === undefined ? undefined : this.#byName.get(base + plain)
    return absolute ?? (this.#ambiguous.has(plain) ? undefined : this.#byName.get(plain))
  }
}

function patientOf(entry: BundleEntry, resource: FhirResource, targets: Targets): string | undefined {
  if (resource.resourceType === 'Patient') return keyOf(entry, resource)
  let named: string | undefined
  let untyped: string | undefined
  const references = subjectReferencesOf(resource)
  for (const reference of references) {
    const text = referenceTextOf(reference) as string
    const target = targets.find(text, entry)
    if (target?.resource.resourceType === 'Patient') return keyOf(target.entry, target.resource) ?? text
    if (target !== undefined) continue
    if (targetTypeOf(reference) === 'Patient') named ??= text
    else if (references.length === 1) untyped = text
  }
  return named ?? untyped
}

function keyOf(entry: BundleEntry, resource: FhirResource): string | undefined {
  return entry.fullUrl ?? relativeNameOf(resource)
}

function relativeNameOf(resource: FhirResource): string | undefined {
  return resource.id === undefined ? undefined : `${resource.resourceType}/${resource.id}`
}

/** `https://server/fhir/` of `https://server/fhir/Patient/1`; `undefined` for a `urn:uuid:`. */
function baseOf(fullUrl: string | undefined): string | undefined {
  return fullUrl === undefined ? undefined : /^(https?:\/\/.+\/)[A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.exec(fullUrl)?.[1]
}

function parseEntry(entry: BundleEntry, text: string, limits: Partial<JsonLimits>): FhirResource {
  try {
    return parseResource(text, limits)
  } catch (error) {
    if (error instanceof FhirError) throw new FhirError(error.code, error.message, entry.index)
    throw error
  }
}

/** The text of `entry[i].resource` for each i. The Bundle's text has been parsed: it is JSON without repeated names. */
function resourceSlices(text: string): readonly (string | undefined)[] {
  const slices: (string | undefined)[] = []
  eachMember(text, skipSpace(text, 0), (name, listStart) => {
    if (name !== 'entry') return
    eachElement(text, listStart, (entryStart) => {
      let slice: string | undefined
      eachMember(text, entryStart, (member, from, to) => {
        if (member === 'resource') slice = text.slice(from, to)
      })
      slices.push(slice)
    })
  })
  return slices
}
