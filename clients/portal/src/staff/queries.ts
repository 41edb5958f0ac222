/**
 * Questions of the staff's screens to the worker, with the keys under which answers are kept.
 *
 * @module
 */
import { queryOptions } from '@tanstack/react-query'
import { areaOf } from '../session/client.ts'

export const staff = areaOf('staff')
const HEALTH_MS = 10_000

export const queries = {
  me: queryOptions({ queryKey: ['staff', 'me'], queryFn: () => staff.whoAmI() }),
  summary: queryOptions({ queryKey: ['staff', 'summary'], queryFn: () => staff.summary(), refetchInterval: HEALTH_MS }),
  patients: queryOptions({ queryKey: ['staff', 'patients'], queryFn: () => staff.patients() }),
  doctors: queryOptions({ queryKey: ['staff', 'doctors'], queryFn: () => staff.doctors() }),
  appointments: queryOptions({ queryKey: ['staff', 'appointments'], queryFn: () => staff.appointments() }),
  emergencies: queryOptions({ queryKey: ['staff', 'emergencies'], queryFn: () => staff.emergencies() }),
}
