/**
 * Which replica may have the key of a store: the one that more than half of the organisations voted for, on a device that
 * the server's registration lists, with the program that runs here. Spec: docs/protocol/11-replica.md §11.2, §11.3.
 *
 * @module
 */
import { decodeBase64url, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { isApproved, REPLICA_VERSION } from '../../../../shared/ledger-model/src/index.ts'
import {
  parseEvidence,
  type AttestationPolicy,
  type ServerRegistration,
} from '../../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { FactNeeds, Facts } from '../facts/queries.ts'
import type { Configuration } from '../keys/configuration.ts'

/** What a decision about one of the two asks of the ledger. @param instance 32 bytes, of a replica. */
export function pairNeeds({ organizations }: Configuration, instance?: Uint8Array): FactNeeds {
  return {
    organizations: organizations.map(({ mspId }) => mspId),
    fresh: true,
    ...(instance === undefined ? {} : { program: encodeHex(instance) }),
  }
}

/** @throws {TrustedApplicationError} `REPLICA_NOT_APPROVED` */
export function checkReplicaApproved(facts: Facts, { organizations }: Configuration, instance: Uint8Array): void {
  const record = facts.findProgram(encodeHex(instance))
  const voters = organizations.map(({ mspId }) => mspId)
  if (record === undefined || !isApproved(record, voters, REPLICA_VERSION)) {
    throw new TrustedApplicationError('REPLICA_NOT_APPROVED')
  }
}

/**
 * The server as the ledger has it, active, and with the program `measurement` only.
 * @throws {TrustedApplicationError} `CREDENTIAL_REJECTED` if it is not registered or not active.
 */
export function registrationIn(facts: Facts, { serverRef, organizations }: Configuration): ServerRegistration {
  for (const { mspId } of organizations) {
    const found = facts.findOrganization(mspId)?.participants.find(({ ref }) => ref === serverRef)
    if (found?.server === undefined || found.status !== 'active') continue
    const { teeKind, measurements, configDigest, attestationKeys, optee } = found.server
    return {
      serverRef,
      identityKey: decodeBase64url(found.publicKey),
      teeKind,
      measurements,
      configDigest,
      attestationKeys: attestationKeys.map((key) => decodeBase64url(key)),
      ...(optee === undefined ? {} : { optee }),
    }
  }
  throw new TrustedApplicationError('CREDENTIAL_REJECTED')
}

/**
 * Keys with which a set of recovery shares of that server may be signed, 65 bytes each: the registered one, and the one
 * before it, because hospitals fetch the next set a while after the keys were exchanged.
 * @throws {TrustedApplicationError} as `registrationIn`.
 */
export function setKeysIn(facts: Facts, configuration: Configuration): readonly Uint8Array[] {
  const { serverRef, organizations } = configuration
  const { identityKey } = registrationIn(facts, configuration)
  const records = organizations.flatMap(({ mspId }) => facts.findOrganization(mspId)?.participants ?? [])
  const record = records.find(({ ref }) => ref === serverRef)
  // Newest first; a new certificate of the same key is an entry, too.
  const before = record?.earlierKeys.find(({ publicKey }) => publicKey !== record.publicKey)
  return before === undefined ? [identityKey] : [identityKey, decodeBase64url(before.publicKey)]
}

/** The other one must be what this one is: the same kind, program and security version, and protected as well. */
export function policyLike(ownEvidence: string): AttestationPolicy {
  const { tee, measurement, securityVersion, simulated, debug } = parseEvidence(ownEvidence).payload
  return {
    teeKinds: [tee],
    measurements: [measurement],
    minSecurityVersion: securityVersion,
    allowSimulated: simulated,
    allowDebug: debug,
  }
}
