/**
 * A patient looks at the newest record, checks it on the own device, lets another doctor see it and takes that back.
 */
import { sealOf, type PatientClient } from '../src/index.ts'

/** @returns the seal's word and what became of the access that was given. */
export async function lookShareAndTakeBack(
  patient: PatientClient,
  otherDoctor: Parameters<PatientClient['giveAccess']>[0]['grantee'],
  nowMs: number,
): Promise<{ readonly word: string; readonly givenInBlock: number; readonly takenBackInBlock: number }> {
  const { items } = await patient.records({ limit: 1 })
  const [newest] = items
  if (newest === undefined) throw new Error('there is no record')

  const report = await patient.verify(await patient.read(newest.record))
  const seal = sealOf(report, {
    date: (timeMs) => new Date(timeMs).toDateString(),
    time: (timeMs) => new Date(timeMs).toTimeString().slice(0, 5),
  })

  const given = await patient.giveAccess({
    grantee: otherDoctor,
    scope: [newest.ehrType],
    untilMs: nowMs + 30 * 86_400_000,
  })
  const takenBack = await patient.takeBack(given.jti)
  return { word: seal.word, givenInBlock: given.block, takenBackInBlock: takenBack.block }
}
