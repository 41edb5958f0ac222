/**
 * A ledger by its place: `http://127.0.0.1:7310` is the embedded one, `fabric:/path/to/connection.json` a network of
 * Hyperledger Fabric. Programs take the place from their configuration and know nothing else of the difference.
 *
 * @module
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { LedgerError } from '../../../shared/ledger-model/src/index.ts'
import { type Shape, text } from '../../../shared/protocol/src/index.ts'
import { createEmbeddedLedgerClient } from './embedded/client.ts'
import type { FabricLedger } from './fabric/client.ts'
import { FABRIC_PREFIX, type FabricProfile, parseFabricProfile } from './fabric/profile.ts'
import type { Ledger, LedgerClientOptions } from './port.ts'

/** How often a network's profile is looked at: peers of an organisation that joined are in it then. */
const LOOK_EVERY_MS = 1_000

/** Where a ledger is, as configurations have it. */
export const ledgerLocationShape: Shape<string> = text({
  max: 4_096,
  pattern: /^(?:https?:\/\/[A-Za-z0-9.:[\]-]+|fabric:\/[^\0]+)$/,
})

export interface OpenLedgerOptions extends LedgerClientOptions {
  /** The place must be of this channel. */
  readonly channel: string
}

/**
 * Reaches nothing yet: a ledger that is away is away when it is asked.
 * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` for a file that is no profile, `LEDGER_WRONG_CHANNEL` for one of
 * another channel.
 */
export async function openLedger(location: string, options: OpenLedgerOptions): Promise<Ledger> {
  if (!isFabric(location)) return createEmbeddedLedgerClient(location, options)
  const profile = readFabricProfile(location)
  const { channel, ...rest } = options
  if (profile.channel !== channel) throw new LedgerError('LEDGER_WRONG_CHANNEL', 'the profile is of another channel')
  const { createFabricLedgerClient } = await import('./fabric/client.ts')
  return following(location, createFabricLedgerClient(profile, rest))
}

/** Until it is closed, the client knows the peers that are added to its profile. Keeps no program running. */
function following(location: string, ledger: FabricLedger): Ledger {
  const path = pathOf(location)
  const look = () => {
    try {
      ledger.follow(readFabricProfile(location))
    } catch (error) {
      // Gone or damaged: the peers that are known stay.
      if (!(error instanceof LedgerError)) throw error
    }
  }
  watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look)
  const close = ledger.close.bind(ledger)
  ledger.close = () => {
    unwatchFile(path, look)
    return close()
  }
  return ledger
}

function pathOf(location: string): string {
  return location.slice(FABRIC_PREFIX.length)
}

/** Whether a place is one of Hyperledger Fabric. */
export function isFabric(location: string): boolean {
  return location.startsWith(FABRIC_PREFIX)
}

/** @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` */
function readFabricProfile(location: string): FabricProfile {
  let profile: string
  try {
    profile = readFileSync(pathOf(location), 'utf8')
  } catch (cause) {
    throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', 'the profile of the network cannot be read', { cause })
  }
  return parseFabricProfile(profile)
}
