/**
 * Fabric CA's programs, where hospitals use it as their authority and for the suite that does: found, or built with the Go
 * toolchain (1.25 or later, and a C compiler for SQLite) from the module github.com/hyperledger/fabric-ca at its release,
 * everything pinned by digest in ../authority-programs/go.sum. Nothing else needs them.
 *
 * @module
 */
import { dirname, resolve } from 'node:path'
import { type BuildOptions, buildGoPrograms } from './build-programs.ts'
import { cachedFolder, type Environment, hasPrograms, pathFolders } from './program-folders.ts'

export const AUTHORITY_VERSION = 'v1.5.21'
const MODULE = 'github.com/hyperledger/fabric-ca'
const SOURCE = resolve(import.meta.dirname, '../authority-programs')
const PROGRAMS = ['fabric-ca-server', 'fabric-ca-client'] as const

/** Folder of both programs: $FABRIC_CA_BIN, else in $PATH, else what was built; undefined if there are none. */
export function findAuthorityPrograms(environment: Environment = process.env): string | undefined {
  const chosen = environment['FABRIC_CA_BIN']
  if (chosen !== undefined) return hasAll(chosen) ? chosen : undefined
  return [...pathFolders(environment), builtFolder(environment)].find(hasAll)
}

/** As `findAuthorityPrograms`, else built. @throws {NetworkError} `NETWORK_TOOL_FAILED` with what Go says. */
export async function ensureAuthorityPrograms(options: BuildOptions = {}): Promise<string> {
  const { environment = process.env, onProgress = () => undefined } = options
  const found = findAuthorityPrograms(environment)
  if (found !== undefined) return found
  onProgress(`Fabric CA's programs are not here: building ${MODULE} ${AUTHORITY_VERSION} with Go, once`)
  const bin = builtFolder(environment)
  // The toolchain that is there, no other: a newer one is not fetched.
  const local = { ...environment, GOTOOLCHAIN: 'local', CGO_ENABLED: '1' }
  await buildGoPrograms(dirname(bin), {
    source: SOURCE,
    packages: PROGRAMS.map((program) => `${MODULE}/cmd/${program}`),
    version: `-X ${MODULE}/lib/metadata.Version=${AUTHORITY_VERSION}`,
    environment: local,
  })
  return bin
}

function builtFolder(environment: Environment): string {
  return cachedFolder(environment, 'fabric-ca', AUTHORITY_VERSION)
}

function hasAll(folder: string): boolean {
  return hasPrograms(folder, PROGRAMS)
}
