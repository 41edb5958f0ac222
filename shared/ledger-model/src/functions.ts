/**
 * The contract's functions, one row each: who may call, with which arguments, whether it writes.
 * Spec: docs/protocol/07-ledger.md §7.2. Implementations: ledger/contract.
 *
 * @module
 */
import type { Role } from './member.ts'

export interface ContractFunctionRow {
  /** Names of the arguments, in order; all are text. */
  readonly args: readonly string[]
  readonly readOnly: boolean
  /** `members`: whoever holds a certificate of an organisation, whatever its role. */
  readonly roles: 'members' | readonly Role[]
}

const ADMIN = ['admin'] as const
const AUTHORS = ['hospital', 'doctor'] as const

export const CONTRACT_FUNCTIONS = {
  // Algorithm 1
  create: {
    args: ['patientRef', 'createTime', 'status', 'ehrType', 'ehrHash', 'hospitals'],
    readOnly: false,
    roles: AUTHORS,
  },
  query: { args: ['patientRef'], readOnly: true, roles: 'members' },
  update: {
    args: ['patientRef', 'updateTime', 'status', 'ehrType', 'newEhrHash', 'hospitals'],
    readOnly: false,
    roles: AUTHORS,
  },
  history: { args: ['patientRef'], readOnly: true, roles: 'members' },
  // participants
  registerParticipant: { args: ['participant'], readOnly: false, roles: ['admin', 'hospital'] },
  renewParticipant: { args: ['participant'], readOnly: false, roles: ADMIN },
  suspendParticipant: { args: ['ref', 'reason'], readOnly: false, roles: ADMIN },
  reinstateParticipant: { args: ['ref', 'reason'], readOnly: false, roles: ADMIN },
  participant: { args: ['ref'], readOnly: true, roles: 'members' },
  setMeasurements: { args: ['serverRef', 'measurements'], readOnly: false, roles: ADMIN },
  revokeCertificate: { args: ['serialHex', 'reason'], readOnly: false, roles: ADMIN },
  organizationPolicy: { args: ['mspId'], readOnly: true, roles: 'members' },
  organizationPolicyUnless: { args: ['mspId', 'digest'], readOnly: true, roles: 'members' },
  // programs of record servers
  approveProgram: { args: ['measurement', 'securityVersion'], readOnly: false, roles: ADMIN },
  withdrawProgram: { args: ['measurement'], readOnly: false, roles: ADMIN },
  program: { args: ['measurement'], readOnly: true, roles: 'members' },
  // who holds a record server's store
  approveSuccession: { args: ['serverRef', 'succession'], readOnly: false, roles: ADMIN },
  withdrawSuccession: { args: ['serverRef', 'term'], readOnly: false, roles: ADMIN },
  succession: { args: ['serverRef'], readOnly: true, roles: 'members' },
  // how long organisations keep records
  setRetention: { args: ['days'], readOnly: false, roles: ADMIN },
  retention: { args: ['mspId'], readOnly: true, roles: 'members' },
  releaseRecord: { args: ['recordId', 'reason'], readOnly: false, roles: ADMIN },
  retainedUntil: { args: ['places'], readOnly: true, roles: 'members' },
  // keys of patients
  addKey: { args: ['statement'], readOnly: false, roles: 'members' },
  removeKey: { args: ['statement'], readOnly: false, roles: 'members' },
  rekeyPatient: { args: ['patientRef', 'key', 'staffRef'], readOnly: false, roles: ['hospital'] },
  keysOf: { args: ['patientRef'], readOnly: true, roles: 'members' },
  // permissions
  recordWarrant: { args: ['record'], readOnly: false, roles: 'members' },
  revokeWarrant: { args: ['revocation'], readOnly: false, roles: 'members' },
  warrant: { args: ['jti'], readOnly: true, roles: 'members' },
  grant: { args: ['grant'], readOnly: false, roles: 'members' },
  revokeGrant: { args: ['revocation'], readOnly: false, roles: 'members' },
  grantsOf: { args: ['patientRef', 'bookmark'], readOnly: true, roles: 'members' },
  patientPolicy: { args: ['patientRefs'], readOnly: true, roles: 'members' },
  // commitments
  commit: { args: ['batchId', 'groups'], readOnly: false, roles: ['hospital', 'server', 'doctor'] },
  commitment: { args: ['batchId', 'index'], readOnly: true, roles: 'members' },
  commitments: { args: ['places'], readOnly: true, roles: 'members' },
  commitmentLeaves: { args: ['places'], readOnly: true, roles: 'members' },
  batch: { args: ['batchId'], readOnly: true, roles: 'members' },
  // checkpoints of TEE servers
  anchorCheckpoint: { args: ['serverRef', 'checkpoint', 'epoch', 'signature'], readOnly: false, roles: 'members' },
  checkpoint: { args: ['serverRef'], readOnly: true, roles: 'members' },
  checkpointHistory: { args: ['serverRef', 'bookmark'], readOnly: true, roles: 'members' },
  // sanctions
  reportMisuse: { args: ['report'], readOnly: false, roles: ['hospital', 'auditor'] },
  misuseOf: { args: ['ref'], readOnly: true, roles: 'members' },
} as const satisfies Record<string, ContractFunctionRow>

export type ContractFunctionName = keyof typeof CONTRACT_FUNCTIONS

export function findContractFunction(name: string): ContractFunctionRow | undefined {
  return Object.hasOwn(CONTRACT_FUNCTIONS, name) ? CONTRACT_FUNCTIONS[name as ContractFunctionName] : undefined
}
