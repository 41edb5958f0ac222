/**
 * What patients were asked to destroy, as Tasks (ids `e-…`): `requested` until the patient answers, `completed` when the
 * record server has destroyed the record, `rejected` when the patient keeps it, `cancelled` when the hospital wrote the
 * resource again.
 *
 * Source: FHIR R4 https://hl7.org/fhir/R4/task.html
 *
 * @module
 */
import { formatInstant, PARTICIPANT_SYSTEM } from '../../../../shared/fhir/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import type { EraseRequest, EraseRequests, EraseState } from '../erase-requests.ts'
import type { PatientIds } from '../patients.ts'
import { candidate } from './people.ts'

const TASK_SYSTEM = 'https://trusthealth.example/fhir/task'
const STATUS = {
  requested: 'requested',
  kept: 'rejected',
  cancelled: 'cancelled',
  erased: 'completed',
} as const satisfies Record<EraseState, string>

export interface TaskViewParts {
  readonly eraseRequests: EraseRequests
  readonly ids: PatientIds
}

export function taskView({ eraseRequests, ids }: TaskViewParts): View {
  return {
    type: 'Task',
    find: (id) => {
      const found = eraseRequests.find(id)
      return Promise.resolve(found === undefined ? undefined : taskOf(found, ids))
    },
    list: ({ patient }) => Promise.resolve(eraseRequests.list(patient).map((one) => taskOf(one, ids))),
  }
}

function taskOf(one: EraseRequest, ids: PatientIds): Candidate {
  const { id, patient, record, resourceType, resourceId, by, byName, reason, askedMs, state, answeredMs } = one
  const person = {
    reference: `Patient/${ids.idOf(patient)}`,
    type: 'Patient',
    identifier: { system: PARTICIPANT_SYSTEM, value: patient },
  }
  const changedMs = answeredMs ?? askedMs
  return candidate(
    {
      resourceType: 'Task',
      id,
      status: STATUS[state],
      intent: 'proposal',
      code: { coding: [{ system: TASK_SYSTEM, code: 'erase' }], text: 'Destroy a record' },
      focus: {
        reference: `${resourceType}/${resourceId}`,
        type: resourceType,
        identifier: { system: 'https://trusthealth.example/fhir/record', value: record },
      },
      for: person,
      authoredOn: formatInstant(askedMs),
      lastModified: formatInstant(changedMs),
      requester: by.startsWith('d-')
        ? { reference: `Practitioner/${by}`, ...(byName === undefined ? {} : { display: byName }) }
        : { display: byName ?? by },
      owner: person,
      ...(reason === undefined ? {} : { reasonCode: { text: reason } }),
    },
    changedMs,
    patient,
    state === 'requested' ? '1' : '2',
  )
}
