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
