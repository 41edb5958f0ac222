/**
 * The contract's functions by name.
 *
 * @module
 */
import type { ContractFunctionName } from '../../../shared/ledger-model/src/index.ts'
import type { ContractFunction } from './call.ts'
import { anchorCheckpoint, checkpoint, checkpointHistory } from './transactions/checkpoints.ts'
import { batch, commit, commitment, commitmentLeaves, commitments } from './transactions/commitments.ts'
import { grant, grantsOf, revokeGrant } from './transactions/grants.ts'
import { misuseOf, reportMisuse } from './transactions/misuse.ts'
import { organizationPolicy, organizationPolicyUnless, revokeCertificate } from './transactions/organizations.ts'
import {
  participant,
  registerParticipant,
  reinstateParticipant,
  renewParticipant,
  setMeasurements,
  suspendParticipant,
} from './transactions/participants.ts'
import { addKey, keysOf, rekeyPatient, removeKey } from './transactions/patient-keys.ts'
import { patientPolicy } from './transactions/policy.ts'
import { approveProgram, program, withdrawProgram } from './transactions/programs.ts'
import { create, history, query, update } from './transactions/records.ts'
import { releaseRecord, retainedUntil, retention, setRetention } from './transactions/retention.ts'
import { approveSuccession, succession, withdrawSuccession } from './transactions/successions.ts'
import { recordWarrant, revokeWarrant, warrant } from './transactions/warrants.ts'

export const FUNCTIONS = {
  create,
  query,
  update,
  history,
  registerParticipant,
  renewParticipant,
  suspendParticipant,
  reinstateParticipant,
  participant,
  setMeasurements,
  revokeCertificate,
  organizationPolicy,
  organizationPolicyUnless,
  approveProgram,
  withdrawProgram,
  program,
  approveSuccession,
  withdrawSuccession,
  succession,
  setRetention,
  retention,
  releaseRecord,
  retainedUntil,
  addKey,
  removeKey,
  rekeyPatient,
  keysOf,
  recordWarrant,
  revokeWarrant,
  warrant,
  grant,
  revokeGrant,
  grantsOf,
  patientPolicy,
  commit,
  commitment,
  commitments,
  commitmentLeaves,
  batch,
  anchorCheckpoint,
  checkpoint,
  checkpointHistory,
  reportMisuse,
  misuseOf,
} as const satisfies Record<ContractFunctionName, ContractFunction>
