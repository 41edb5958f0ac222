/**
 * Questions of the doctor's screens to the worker, with the keys under which answers are kept.
 *
 * @module
 */
import { queryOptions } from '@tanstack/react-query'
import { areaOf } from '../session/client.ts'

export const doctor = areaOf('doctor')
const DAY_REFRESH_MS = 30_000

export const queries = {
  day: queryOptions({ queryKey: ['doctor', 'day'], queryFn: () => doctor.day(), refetchInterval: DAY_REFRESH_MS }),
  drafts: queryOptions({ queryKey: ['doctor', 'drafts'], queryFn: () => doctor.drafts() }),
  outbox: queryOptions({ queryKey: ['doctor', 'outbox'], queryFn: () => doctor.outbox() }),
  entitled: queryOptions({ queryKey: ['doctor', 'entitled'], queryFn: () => doctor.mayOpenEmergency() }),
  patient: (ref: string) =>
    queryOptions({
      queryKey: ['doctor', 'patient', ref],
      queryFn: () => doctor.patient(ref),
      refetchInterval: DAY_REFRESH_MS,
    }),
  banner: (ref: string) =>
    queryOptions({ queryKey: ['doctor', 'banner', ref], queryFn: () => doctor.banner(ref), staleTime: 300_000 }),
  records: (ref: string) => queryOptions({ queryKey: ['doctor', 'records', ref], queryFn: () => doctor.records(ref) }),
  record: (id: string) =>
    queryOptions({
      queryKey: ['doctor', 'record', id],
      queryFn: () => doctor.open(id, undefined),
      staleTime: Infinity,
      refetchOnWindowFocus: false,
    }),
  versions: (id: string) => queryOptions({ queryKey: ['doctor', 'versions', id], queryFn: () => doctor.versions(id) }),
  group: (chainId: string) =>
    queryOptions({ queryKey: ['doctor', 'group', chainId], queryFn: () => doctor.group(chainId) }),
}
