/**
 * The test world: see world.ts.
 *
 * @module
 */
export * from './by-hand.ts'
export { filesBelow, needlesOf, searchBytes, searchFolder, type Finding } from './canaries.ts'
export type { MovableClock } from './clock.ts'
export type { EndorsedAnswers, EndorsedReads, HostHooks } from './host.ts'
export { INSECURE_MEASUREMENT, InProcessTee } from './in-process-tee.ts'
export { canFindProcesses, killTrustedApplication, processesOfTrustedApplication } from './kill.ts'
export * from './other-server.ts'
export { participantOptions, PRACTICE, register } from './people.ts'
export { openProgramScene, type ProgramScene } from './program-scene.ts'
export { bundleTee, type BundledTee } from './process-tee.ts'
export { RecordServer, RecordServerFailed } from './record-server.ts'
export { labResult, medication, visitNote } from './records.ts'
export { openScene, refusedWith, whileTimePasses, type Scene } from './scene.ts'
export * from './store-files.ts'
export { tap, tappedSockets, type Tap } from './tap.ts'
export type { Verified } from './verify-everything.ts'
export {
  openTestWorld,
  type HospitalName,
  type PersonOptions,
  type ProcessTee,
  type TestWorld,
  type TestWorldOptions,
} from './world.ts'
