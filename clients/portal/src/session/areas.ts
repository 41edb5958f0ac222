/**
 * What the worker can do, by area. A role adds its line here; the page asks by `useArea<PatientArea>('patient')`.
 *
 * @module
 */
import type { WorkerContext } from './worker-context.ts'

export const AREAS = {
  core: async (context: WorkerContext) => (await import('./core-area.ts')).coreArea(context),
  join: async (context: WorkerContext) => (await import('../join/join-area.ts')).joinArea(context),
  patient: async (context: WorkerContext) => (await import('../patient/patient-area.ts')).patientArea(context),
  file: async (context: WorkerContext) => (await import('../verify-file/file-area.ts')).fileArea(context),
  doctor: async (context: WorkerContext) => (await import('../doctor/doctor-area.ts')).doctorArea(context),
  staff: async (context: WorkerContext) => (await import('../staff/staff-area.ts')).staffArea(context),
  apps: async (context: WorkerContext) => (await import('../apps/apps-area.ts')).appsArea(context),
  auditor: async (context: WorkerContext) => (await import('../auditor/auditor-area.ts')).auditorArea(context),
} as const

export type AreaName = keyof typeof AREAS
/** The functions of one area. */
export type AreaOf<N extends AreaName> = Awaited<ReturnType<(typeof AREAS)[N]>>
