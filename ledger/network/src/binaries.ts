/**
 * Fabric's programs. They are not part of this repository: they come from a release of Hyperledger Fabric, in the layout
 * that its archives have (`bin/` with the programs, `config/` with sample configurations).
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { NetworkError } from './errors.ts'
import { cachedFolder, type Environment, hasPrograms, pathFolders } from './program-folders.ts'

/** What this is tested with, and what the guide tells operators to install. */
export const FABRIC_VERSION = 'v2.5.16'
/** What `buildPrograms` makes of ../programs/go.mod where no release is installed. */
export const BUILT_VERSION = 'v2.5.0-main-695dd57e01c2'
/** Older ones lack snapshots, the gateway, or chaincode as a service with builders. */
const LEAST_MINOR = [2, 5] as const

export const PROGRAMS = ['peer', 'orderer', 'configtxgen', 'osnadmin'] as const

export interface Binaries {
  /** Folder of the programs. */
  readonly bin: string
  /** As `peer version` says, for example `v2.5.16`. */
  readonly version: string
  /** Sample `core.yaml` and `orderer.yaml`, as text. */
  readonly samplePeer: string
  readonly sampleOrderer: string
}

/** Where the product looks by itself. */
export function cacheFolder(environment: Environment = process.env): string {
  return cachedFolder(environment, 'fabric', FABRIC_VERSION)
}

/** Where programs that were built here are. */
export function builtFolder(environment: Environment = process.env): string {
  return cachedFolder(environment, 'fabric', BUILT_VERSION)
}

/**
 * Finds the programs: in `bin`, else in $FABRIC_BIN, else in $PATH, else in the cache folder, a
 * release before what was built here. Samples: $FABRIC_CFG_PATH,
 * else `../config` or `config` beside the programs.
 * @throws {NetworkError} `NETWORK_BINARIES_MISSING`, saying what is missing and where it was looked for.
 */
export function findBinaries(bin?: string, environment: Environment = process.env): Binaries {
  const chosen = bin ?? environment['FABRIC_BIN']
  const folders =
    chosen === undefined ? [...pathFolders(environment), cacheFolder(environment), builtFolder(environment)] : [chosen]
  const found = folders.find((folder) => hasPrograms(folder, PROGRAMS))
  if (found === undefined) throw missing(chosen, environment)
  const folder = dirname(realpathSync(join(resolve(found), PROGRAMS[0])))
  return { bin: folder, version: versionOf(folder), ...samples(folder, environment) }
}

function missing(chosen: string | undefined, environment: Environment): NetworkError {
  const where = chosen ?? `$PATH or ${cacheFolder(environment)}`
  return new NetworkError(
    'NETWORK_BINARIES_MISSING',
    `Fabric's programs (${PROGRAMS.join(', ')}) are not in ${where}. Install Hyperledger Fabric ${FABRIC_VERSION} ` +
      'from its release archive (bin/ and config/) and set FABRIC_BIN to its bin folder, or install Go 1.20 or later, ' +
      'with which they are built; docs/fabric.md, "Start here".',
  )
}

function versionOf(folder: string): string {
  let said = ''
  try {
    said = execFileSync(join(folder, 'peer'), ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch (cause) {
    throw new NetworkError('NETWORK_BINARIES_MISSING', `${join(folder, 'peer')} does not run`, { cause })
  }
  const version = /^ *Version: (\S+)/m.exec(said)?.[1] ?? ''
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isOld = major < LEAST_MINOR[0] || (major === LEAST_MINOR[0] && minor < LEAST_MINOR[1])
  // A build from sources without a version says "latest".
  if (version !== 'latest' && !(major > 0 && !isOld)) {
    throw new NetworkError('NETWORK_BINARIES_MISSING', `Fabric 2.5 or later is needed, ${folder} has ${version}`)
  }
  return version
}

function samples(folder: string, environment: Environment) {
  const configured = environment['FABRIC_CFG_PATH']
  const places = [
    ...(configured === undefined ? [] : [configured]),
    join(folder, '..', 'config'),
    join(folder, 'config'),
  ]
  const place = places.find((path) => existsSync(join(path, 'core.yaml')) && existsSync(join(path, 'orderer.yaml')))
  if (place === undefined) {
    throw new NetworkError(
      'NETWORK_BINARIES_MISSING',
      `core.yaml and orderer.yaml of Fabric are in none of ${places.join(', ')}; the release archive has them in config/`,
    )
  }
  return {
    samplePeer: readFileSync(join(place, 'core.yaml'), 'utf8'),
    sampleOrderer: readFileSync(join(place, 'orderer.yaml'), 'utf8'),
  }
}
