/**
 * The software bill of materials, CycloneDX 1.5: npm's own over the lock file, with the trusted application as it is
 * measured. The same sources give the same bytes: no time, no random number, no name of a folder.
 *
 * @module
 */
import { createHash } from 'node:crypto'

interface Component {
  readonly [member: string]: unknown
  readonly 'bom-ref': string
  readonly name: string
}

export interface Sbom {
  readonly [member: string]: unknown
  readonly metadata: { readonly [member: string]: unknown; readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

export interface MeasuredFile {
  readonly name: string
  /** Hexadecimal. */
  readonly sha256: string
  /** Paths of the files that are in it. */
  readonly parts: readonly string[]
}

const NAME = 'trusthealth'

/** npm's bill as a text of ours. */
export function makeSbom(ofNpm: Sbom, measured: MeasuredFile): string {
  const { timestamp: _, ...metadata } = ofNpm.metadata as Sbom['metadata'] & { timestamp?: unknown }
  const { serialNumber: _serial, ...rest } = ofNpm as Sbom & { serialNumber?: unknown }
  const own = { ...metadata.component, name: NAME, type: 'application' }
  const bill = {
    ...rest,
    metadata: { ...metadata, component: own },
    components: [...ofNpm.components, measuredComponent(measured)],
    dependencies: [...ofNpm.dependencies, { ref: refOf(measured), dependsOn: packagesIn(measured, ofNpm) }],
  }
  const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex')
  return `${JSON.stringify({ ...bill, serialNumber: `urn:uuid:${uuidOf(digest)}` }, null, 2)}\n`
}

function measuredComponent(measured: MeasuredFile): Component {
  const { name, sha256, parts } = measured
  return {
    'bom-ref': refOf(measured),
    type: 'file',
    name,
    description: 'The trusted application: the file whose SHA-256 is the measurement that clients and ledger compare',
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    properties: parts.map((part) => ({ name: 'trusthealth:part', value: part })),
  }
}

function refOf({ name, sha256 }: MeasuredFile): string {
  return `${name}@sha256:${sha256}`
}

/** Packages of which files are in it. */
function packagesIn({ parts }: MeasuredFile, { components }: Sbom): string[] {
  const names = new Set(parts.flatMap((part) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(part)?.[1] ?? []))
  return components.filter(({ name }) => names.has(name)).map((component) => component['bom-ref'])
}

/** RFC 9562 §5.8: a UUID of our own making, of a digest. */
function uuidOf(digest: string): string {
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}8${digest.slice(17, 32)}`
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
