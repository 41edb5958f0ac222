/**
 * The hospital's records as this API shows them: without the versions that are hidden. A record that has none to show is
 * unknown.
 *
 * @module
 */
import { ClientError } from '../../../clients/sdk/src/errors.ts'
import type { OnBehalf } from '../../../clients/sdk/src/participant.ts'
import type { RecordAnswer } from '../../../clients/sdk/src/record-answer.ts'
import type { RecordId } from '../../../shared/protocol/src/index.ts'
import type { HiddenVersions } from './hidden-versions.ts'
import type { ReadableRecords, Refused } from './ports.ts'

export function visibleRecords(records: ReadableRecords, hidden: HiddenVersions): ReadableRecords {
  const shown = async (answer: RecordAnswer, by?: OnBehalf): Promise<RecordAnswer> => {
    const { recordId, version, latestVersion } = answer
    if (!hidden.concerns(recordId)) return answer
    const newest = hidden.visible(recordId, latestVersion)
    if (newest === 0) throw new ClientError('RECORD_NOT_FOUND')
    const wanted = hidden.has({ record: recordId, version }) ? await records.read(recordId, newest, by) : answer
    return { ...wanted, latestVersion: newest }
  }
  const shownOrRefused = async (answer: RecordAnswer | Refused, by?: OnBehalf): Promise<RecordAnswer | Refused> => {
    if ('code' in answer || !hidden.concerns(answer.recordId)) return answer
    if (hidden.visible(answer.recordId, answer.latestVersion) === 0) return { code: 'RECORD_NOT_FOUND' }
    return await shown(answer, by)
  }
  return {
    counts: (patients) => records.counts(patients),
    list: (patient) => records.list(patient),
    verify: (answer) => records.verify(answer),
    accessLog: (patient, page) => records.accessLog(patient, page),
    async read(record: RecordId, version?: number, by?: OnBehalf) {
      if (version !== undefined && hidden.has({ record, version })) throw new ClientError('RECORD_NOT_FOUND')
      return await shown(await records.read(record, version, by), by)
    },
    async readMany(wanted, by) {
      const answers = await records.readMany(wanted, by)
      return await Promise.all(answers.map((answer) => shownOrRefused(answer, by)))
    },
    async versions(record, by) {
      const versions = await records.versions(record, by)
      return versions.filter(({ version }) => !hidden.has({ record, version }))
    },
  }
}
