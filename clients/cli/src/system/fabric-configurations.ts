/**
 * Configurations of a system on Fabric, one after the other, each but the first with the signatures that let it count: no
 * block of the network holds them. Written when the first hospital joins; until then `consortium.json` says it all.
 * Public, and nothing in it counts without those signatures. Spec: docs/protocol/02-registration.md §2.7.
 *
 * @module
 */
import { fabricTrustShape, formatFabricTrust } from '../../../../ledger/client/src/index.ts'
import { decodeBase64url, encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import type { FabricTrust } from '../../../../shared/ledger-model/src/index.ts'
import { list, literal, optional, struct, text, uint } from '../../../../shared/protocol/src/index.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import type { StateFolder } from '../state-folder.ts'

const MAX_CONFIGURATIONS = 1_024
const MAX_UPDATE_CHARACTERS = 2_796_203

const configurationsShape = struct({
  v: literal(1),
  configurations: list(
    struct({
      quorum: uint({ min: 1, max: 64 }),
      fabric: fabricTrustShape,
      update: optional(text({ max: MAX_UPDATE_CHARACTERS, pattern: /^[A-Za-z0-9_-]+$/ })),
    }),
    { min: 1, max: MAX_CONFIGURATIONS },
  ),
})

export interface FabricConfiguration {
  readonly quorum: number
  readonly fabric: FabricTrust
  /** As the trusted application takes it; none of the first one. */
  readonly update?: Uint8Array
}

/** By their sequence; empty while nobody has joined. */
export function readFabricConfigurations({ configurations: path }: StateFolder): readonly FabricConfiguration[] {
  const value = readJsonFile(path)
  if (value === undefined) return []
  return configurationsShape(value, 'configurations.json').configurations.map(({ quorum, fabric, update }) => ({
    quorum,
    fabric,
    ...(update === undefined ? {} : { update: decodeBase64url(update) }),
  }))
}

export function writeFabricConfigurations(
  { configurations: path }: StateFolder,
  all: readonly FabricConfiguration[],
): void {
  const configurations = all.map(({ quorum, fabric, update }) => ({
    quorum,
    fabric: formatFabricTrust(fabric),
    ...(update === undefined ? {} : { update: encodeBase64url(update) }),
  }))
  writePrivateFile(path, `${JSON.stringify({ v: 1, configurations }, null, 2)}\n`)
}
