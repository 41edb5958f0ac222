/**
 * What a trusted application says of itself, in each of its lives. No part of it names a patient or a record.
 * Spec: docs/protocol/10-tee-abi.md §10.2.
 *
 * @module
 */
import type { AbiAnswer } from '../../../../shared/tee-abi/src/index.ts'
import type { Configuration } from '../keys/configuration.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Served } from '../lifecycle/served.ts'
import type { SharesHere } from '../recovery/shares.ts'
import type { Leader } from '../replica/leader.ts'
import type { Store } from '../store.ts'

type Status = AbiAnswer<'status'>

export function statusOf(lifecycle: Lifecycle): Status {
  const { served, replica, restoring } = lifecycle
  if (served !== undefined) return servedStatus(lifecycle, served)
  if (replica !== undefined) {
    const { configuration, key, reached } = replica
    return {
      ...emptyStatus(lifecycle),
      ...ownStatus(lifecycle, configuration, key),
      logSize: reached?.size ?? 0,
      ...(reached === undefined ? {} : { following: { position: reached.position, logSize: reached.size } }),
    }
  }
  if (restoring !== undefined) {
    const { configuration, key, progress } = restoring
    return { ...emptyStatus(lifecycle), ...ownStatus(lifecycle, configuration, key), restoring: progress }
  }
  const { log } = lifecycle.opened().store
  return { ...emptyStatus(lifecycle), logSize: log.committedSize, logRoot: log.committedRoot() }
}

function servedStatus(lifecycle: Lifecycle, { vault, leader, holding, sealing }: Served): Status {
  const { anchor, configuration, identity, patients, records, sessions, store, uploads } = vault
  const { anchored, epoch } = anchor
  const shares = vault.shares.current
  return {
    ...emptyStatus(lifecycle),
    ...ownStatus(lifecycle, configuration, identity.publicKey),
    term: holding.term,
    logSize: store.log.committedSize,
    logRoot: store.log.committedRoot(),
    epoch,
    ...(anchored === undefined ? {} : { anchoredSize: anchored.size, anchoredRoot: anchored.root }),
    sessions: sessions.size,
    waiting: uploads.waiting,
    records: records.count,
    patients: patients.count,
    sealing: { generation: sealing.generation, isExchanging: sealing.isExchanging },
    ...(shares === undefined ? {} : { shares: sharesStatus(shares) }),
    ...(leader.mode === 'off' ? {} : { replication: replicationStatus(leader, store) }),
  }
}

/** Of one that has nothing yet. */
function emptyStatus({ state, installation }: Lifecycle): Status {
  return {
    state: state === 'stopped' ? 'new' : state,
    measurement: installation.program.measurement,
    instance: installation.instance.digest,
    logSize: 0,
    epoch: 0,
    sessions: 0,
    waiting: 0,
    isolation: installation.isolation,
    records: 0,
    patients: 0,
  }
}

/** Whose it is, and with which key it proves itself. */
function ownStatus(
  { installation }: Lifecycle,
  { serverRef, digest, sequence }: Configuration,
  identityKey: Uint8Array,
): Partial<Status> {
  return { serverRef, identityKey, configDigest: digest, sequence, ...installation.attestationKey }
}

function sharesStatus({ set, held }: SharesHere): NonNullable<Status['shares']> {
  const { number, timeMs, threshold, holders } = set
  return { number, timeMs, threshold, holders: holders.map(({ mspId }) => mspId), held }
}

function replicationStatus(leader: Leader, { position }: Store): NonNullable<Status['replication']> {
  const { mode, acknowledged, heardMs } = leader
  return { mode, position, acknowledged, ...(heardMs === undefined ? {} : { heardMs }) }
}
