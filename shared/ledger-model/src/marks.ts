/**
 * Marks: what stands in the world state in place of many keys, so that a reader that remembers their values finds out with
 * few reads that none has changed. Each change of such a key writes its mark anew, with the id of the transaction, which
 * is never used again; writing it reads nothing, so changes do not conflict. Spec: docs/protocol/07-ledger.md §7.9.
 *
 * @module
 */

export const MARK_PREFIX = 'mark/'
/** All together are fewer than the 100 entries that a peer of Fabric sends at once. */
const PATIENT_MARKS = 64
const PARTICIPANT_MARKS = 16

/** The mark of a key; undefined for keys without one. */
export function markOf(key: string): string | undefined {
  switch (key.slice(0, key.indexOf('/'))) {
    case 'patient':
    case 'warrants':
    case 'grants':
      return `${MARK_PREFIX}patient-${placeOf(key, PATIENT_MARKS)}`
    case 'participant':
    case 'sanction':
      return `${MARK_PREFIX}participant-${placeOf(key, PARTICIPANT_MARKS)}`
    default:
      return undefined
  }
}

/** By the last two digits of the reference, which are random. */
function placeOf(key: string, marks: number): string {
  return (Number.parseInt(key.slice(-2), 16) % marks).toString(16).padStart(2, '0')
}
