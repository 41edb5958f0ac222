/**
 * Questions of the staff's screens to the worker, with the keys under which answers are kept.
 *
 * @module
 */
import { queryOptions } from '@tanstack/react-query'
import { areaOf } from '../session/client.ts'

export const staff = areaOf('staff')
const HEALTH_MS = 10_000
const EXPORT_MS = 1_000

export const queries = {
  me: queryOptions({ queryKey: ['staff', 'me'], queryFn: () => staff.whoAmI() }),
  summary: queryOptions({ queryKey: ['staff', 'summary'], queryFn: () => staff.summary(), refetchInterval: HEALTH_MS }),
  patients: queryOptions({ queryKey: ['staff', 'patients'], queryFn: () => staff.patients() }),
  doctors: queryOptions({ queryKey: ['staff', 'doctors'], queryFn: () => staff.doctors() }),
  appointments: queryOptions({ queryKey: ['staff', 'appointments'], queryFn: () => staff.appointments() }),
  waitingRekeys: queryOptions({
    queryKey: ['staff', 'rekeys'],
    queryFn: () => staff.waitingRekeys(),
    refetchInterval: HEALTH_MS,
  }),
  members: queryOptions({ queryKey: ['staff', 'members'], queryFn: () => staff.members() }),
  patientKeys: (ref: string) =>
    queryOptions({ queryKey: ['staff', 'keys', ref], queryFn: () => staff.patientKeys(ref), staleTime: 0 }),
  doctorState: (ref: string) =>
    queryOptions({ queryKey: ['staff', 'doctor', ref], queryFn: async () => (await staff.doctorState(ref)) ?? null }),
  registeredServer: queryOptions({ queryKey: ['staff', 'server'], queryFn: () => staff.registeredServer() }),
  retention: queryOptions({ queryKey: ['staff', 'retention'], queryFn: () => staff.retention() }),
  outbox: queryOptions({ queryKey: ['staff', 'outbox'], queryFn: () => staff.outbox(), refetchInterval: HEALTH_MS }),
  backups: queryOptions({ queryKey: ['staff', 'backups'], queryFn: () => staff.backups() }),
  exportState: queryOptions({
    queryKey: ['staff', 'export'],
    queryFn: () => staff.exportState(),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? EXPORT_MS : false),
  }),
  questions: queryOptions({ queryKey: ['staff', 'questions'], queryFn: () => staff.questions() }),
  emergencies: queryOptions({ queryKey: ['staff', 'emergencies'], queryFn: () => staff.emergencies() }),
}
