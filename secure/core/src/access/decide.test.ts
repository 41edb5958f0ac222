import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PatientPolicy } from '../../../../shared/ledger-model/src/index.ts'
import { decide, type AccessQuestion, type Actor, type RecordFacts } from './decide.ts'

const NOW = 1_000_000
const PATIENT = `p-${'1'.repeat(32)}`
const HASH = 'ab'.repeat(32)

const doctor: Actor = { kind: 'practitioner', ref: 'd-1', mspId: 'A', kid: 'k', hospitals: ['h-1'] }
const hospital: Actor = { kind: 'organization', ref: 'h-1', mspId: 'A', kid: 'k', hospitals: ['h-1'] }
const patient: Actor = { kind: 'patient', ref: PATIENT, mspId: 'A', kid: 'device', hospitals: [] }
const record: RecordFacts = { recordId: 'r-1', ehrType: 'lab', dateMs: 500, hospital: 'h-1' }

const warrant = {
  jti: 'w-1',
  warrantHash: HASH,
  doctors: ['d-1'],
  hospital: 'h-1',
  nbfMs: NOW - 10,
  expMs: NOW + 10,
  revokedMs: null as number | null,
}
const grant = {
  jti: 'g-1',
  grantee: 'd-1',
  scope: ['lab'],
  records: [] as string[],
  except: undefined as string[] | undefined,
  fromMs: 0,
  toMs: 0,
  purpose: 'TREAT',
  nbfMs: NOW - 10,
  expMs: NOW + 10,
  revokedMs: null as number | null,
  suspended: false,
}

interface PolicyChange {
  readonly warrants?: readonly Partial<typeof warrant>[]
  readonly grants?: readonly Partial<typeof grant>[]
  readonly suspended?: readonly string[]
  readonly hospitals?: readonly string[]
  readonly keys?: readonly { readonly kid: string; readonly removedMs: number | null }[]
  readonly patientRef?: string
  readonly status?: 'active' | 'suspended' | 'unknown'
}

function policy(change: PolicyChange = {}): PatientPolicy {
  return {
    patientRef: PATIENT,
    status: 'active',
    hospitals: ['h-1'],
    keys: [{ kid: 'device', removedMs: null }],
    suspended: [],
    ...change,
    warrants: (change.warrants ?? []).map((one) => ({ ...warrant, ...one })),
    grants: (change.grants ?? []).map((one) => ({ ...grant, ...one })),
  } as unknown as PatientPolicy
}

function ask(change: PolicyChange, question: Partial<AccessQuestion> = {}): string {
  const decision = decide({
    actor: doctor,
    patient: PATIENT,
    record,
    purpose: 'TREAT',
    nowMs: NOW,
    reachedMs: NOW,
    policy: policy(change),
    scopeOf: (hash) => (hash === HASH ? ['lab'] : undefined),
    ...question,
  })
  if (!decision.allowed) return decision.code
  return decision.permission.id === undefined
    ? decision.permission.kind
    : `${decision.permission.kind}:${decision.permission.id}`
}

test('without any permission the answer is no', () => {
  assert.equal(ask({}), 'ACCESS_DENIED')
})

test('a policy of another patient allows nothing', () => {
  assert.equal(ask({ patientRef: 'p-other', warrants: [{}] }), 'ACCESS_DENIED')
})

test('the patient, with a key that is active', () => {
  assert.equal(ask({}, { actor: patient }), 'self')
  assert.equal(ask({}, { actor: { ...patient, kid: 'other' } }), 'CREDENTIAL_REJECTED')
  const removed = [{ kid: 'device', removedMs: 5 }]
  assert.equal(ask({ keys: removed }, { actor: patient }), 'CREDENTIAL_REJECTED')
  assert.equal(ask({}, { actor: { ...patient, ref: 'p-2' } }), 'ACCESS_DENIED')
  assert.equal(ask({ status: 'suspended' }, { actor: patient }), 'PARTICIPANT_SUSPENDED')
  assert.equal(ask({ status: 'unknown', keys: [] }, { actor: patient }), 'CREDENTIAL_REJECTED')
})

test('an auditor reads no record, whatever the policy says', () => {
  const auditor: Actor = { ...doctor, kind: 'auditor', ref: 'd-1' }
  assert.equal(ask({ warrants: [{}], grants: [{}] }, { actor: auditor }), 'ACCESS_DENIED')
})

test('a current warrant whose scope has the kind', () => {
  assert.equal(ask({ warrants: [{}] }), 'warrant:w-1')
  assert.equal(ask({ warrants: [{ doctors: ['d-2'] }] }), 'ACCESS_DENIED')
  assert.equal(ask({ warrants: [{ doctors: ['d-2', 'd-1'] }] }), 'warrant:w-1', 'each doctor of a group')
  assert.equal(ask({ warrants: [{ doctors: [] }] }), 'ACCESS_DENIED', 'a permission for nobody')
})

test('a warrant holds from its first moment to before its last', () => {
  assert.equal(ask({ warrants: [{ nbfMs: NOW, expMs: NOW + 1 }] }), 'warrant:w-1')
  assert.equal(ask({ warrants: [{ nbfMs: NOW + 1, expMs: NOW + 2 }] }), 'WARRANT_NOT_YET_VALID')
  assert.equal(ask({ warrants: [{ expMs: NOW }] }), 'WARRANT_EXPIRED')
  assert.equal(ask({ warrants: [{ revokedMs: NOW - 1 }] }), 'WARRANT_REVOKED')
})

test('a warrant for other kinds, or one that nobody has shown, does not do', () => {
  assert.equal(ask({ warrants: [{}] }, { scopeOf: () => ['imaging'] }), 'WARRANT_SCOPE_EXCEEDED')
  assert.equal(ask({ warrants: [{}] }, { scopeOf: () => undefined }), 'WARRANT_NOT_PRESENTED')
  assert.equal(ask({ warrants: [{}] }, { scopeOf: () => ['*'] }), 'warrant:w-1')
  assert.equal(ask({ warrants: [{}] }, { scopeOf: () => ['imaging', 'lab'] }), 'warrant:w-1')
  assert.equal(ask({ warrants: [{}] }, { scopeOf: () => [] }), 'WARRANT_SCOPE_EXCEEDED')
})

test('a grant whose scope, records, dates, purpose and period fit', () => {
  assert.equal(ask({ grants: [{}] }), 'grant:g-1')
  assert.equal(ask({ grants: [{ records: ['r-1'] }] }), 'grant:g-1')
  assert.equal(ask({ grants: [{ records: ['r-2', 'r-1'] }] }), 'grant:g-1')
  for (const change of [
    { scope: ['imaging'] },
    { records: ['r-2'] },
    { except: ['r-1'] },
    { except: ['r-2', 'r-1'], scope: ['*'] },
    { fromMs: 501 },
    { toMs: 499 },
    { purpose: 'HRESCH' },
  ]) {
    assert.equal(ask({ grants: [change] }), 'GRANT_SCOPE_EXCEEDED', JSON.stringify(change))
  }
  assert.equal(ask({ grants: [{ except: ['r-2'] }] }), 'grant:g-1')
  assert.equal(ask({ grants: [{ fromMs: 500, toMs: 500 }] }), 'grant:g-1')
  assert.equal(ask({ grants: [{ nbfMs: NOW + 1 }] }), 'GRANT_NOT_YET_VALID')
  assert.equal(ask({ grants: [{ expMs: NOW }] }), 'GRANT_EXPIRED')
  assert.equal(ask({ grants: [{ revokedMs: 1 }] }), 'GRANT_REVOKED')
})

test('a grant to a hospital is for its doctors', () => {
  assert.equal(ask({ grants: [{ grantee: 'h-1' }] }), 'grant:g-1')
  assert.equal(ask({ grants: [{ grantee: 'h-2' }] }), 'ACCESS_DENIED')
  const ofTwo: Actor = { ...doctor, hospitals: ['h-2', 'h-1'] }
  assert.equal(ask({ grants: [{ grantee: 'h-1' }] }, { actor: ofTwo }), 'grant:g-1')
  assert.equal(ask({ grants: [{ grantee: 'h-1' }] }, { actor: { ...doctor, hospitals: [] } }), 'ACCESS_DENIED')
})

test('who is suspended reads nothing, nor through a suspended grantee', () => {
  assert.equal(ask({ warrants: [{}], suspended: ['d-1'] }), 'PARTICIPANT_SUSPENDED')
  assert.equal(ask({ grants: [{ suspended: true }] }), 'PARTICIPANT_SUSPENDED')
  assert.equal(ask({ grants: [{ grantee: 'h-1' }], suspended: ['h-1'] }), 'PARTICIPANT_SUSPENDED')
})

test('the registering hospital reads what was stored under it, and nothing else', () => {
  assert.equal(ask({}, { actor: hospital }), 'hospital')
  assert.equal(ask({}, { actor: hospital, record: { ...record, hospital: 'h-2' } }), 'ACCESS_DENIED')
  assert.equal(ask({ hospitals: ['h-2'] }, { actor: hospital }), 'ACCESS_DENIED')
  assert.equal(ask({ hospitals: ['h-2', 'h-1'] }, { actor: hospital }), 'hospital', 'registered by two')
  assert.equal(ask({ hospitals: [] }, { actor: hospital }), 'ACCESS_DENIED')
  assert.equal(ask({}, { actor: { ...doctor, ref: 'h-1' } }), 'ACCESS_DENIED')
})

test('emergency access is the last resort, not the first ground', () => {
  assert.equal(ask({}, { emergency: 'e-1' }), 'emergency:e-1')
  assert.equal(ask({ warrants: [{}] }, { emergency: 'e-1' }), 'warrant:w-1')
  assert.equal(ask({ suspended: ['d-1'] }, { emergency: 'e-1' }), 'PARTICIPANT_SUSPENDED')
})

test('among several reasons the nearest is told: not for this, then not started, then ended last', () => {
  const ended = { jti: 'w-2', expMs: NOW - 5 }
  const revokedLater = { jti: 'w-3', revokedMs: NOW - 1 }
  const coming = { jti: 'w-4', nbfMs: NOW + 5, expMs: NOW + 9 }
  assert.equal(ask({ warrants: [ended, revokedLater] }), 'WARRANT_REVOKED')
  assert.equal(ask({ warrants: [revokedLater, ended] }), 'WARRANT_REVOKED')
  assert.equal(ask({ warrants: [revokedLater, { ...ended, expMs: NOW }] }), 'WARRANT_EXPIRED')
  assert.equal(ask({ warrants: [ended, coming, revokedLater] }), 'WARRANT_NOT_YET_VALID')
  const narrow = { grants: [{ scope: ['imaging'] }], warrants: [coming] }
  assert.equal(ask(narrow), 'GRANT_SCOPE_EXCEEDED')
})

test('what begins has begun by the time that a quorum has reached, what ends has ended by the newest', () => {
  const begins = { warrants: [{ nbfMs: NOW - 5 }] }
  assert.equal(ask(begins, { reachedMs: NOW - 6 }), 'WARRANT_NOT_YET_VALID')
  assert.equal(ask(begins, { reachedMs: NOW - 5 }), 'warrant:w-1')
  assert.equal(ask({ grants: [{ nbfMs: NOW - 5 }] }, { reachedMs: NOW - 6 }), 'GRANT_NOT_YET_VALID')
  assert.equal(ask({ grants: [{ expMs: NOW }] }, { reachedMs: NOW - 6 }), 'GRANT_EXPIRED')
})

test('without a record the question is whether the actor may see anything', () => {
  const { record: _record, ...anything } = { record: undefined }
  const whole = { scopeOf: () => ['imaging'] }
  const decision = decide({
    actor: doctor,
    patient: PATIENT,
    purpose: 'TREAT',
    nowMs: NOW,
    reachedMs: NOW,
    policy: policy({ warrants: [{}] }),
    ...whole,
    ...anything,
  })
  assert.ok(decision.allowed)
})
