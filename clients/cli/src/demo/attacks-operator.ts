/**
 * The second act, attacks of whoever runs the record server's machine, or the ledger's: real files, real processes. After
 * each one everything is as it was before.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { builtFolder } from '../../../../tee/optee/src/index.ts'
import { measure } from '../../../../tee/process/src/index.ts'
import { codeOfFailure } from '../command-error.ts'
import type { Scene } from './cast.ts'
import { answered, expectRefusal, expectSame, expectThat, Surprise } from './expect.ts'
import type { Step } from './player.ts'
import type { FolderCopy } from './server-files.ts'
import { signAgain } from './signed-ta.ts'
import { hba1c } from './texts.ts'
import { verifiedByBob } from './story.ts'

/** After pages on which nothing rested, so many times as many. */
const MORE_PAGES = 4
/** What a store that was tampered with may be called: the damage shows in a page's code or in what the page says. */
const TAMPERED = ['STORE_DAMAGED', 'STATE_ROLLED_BACK'] as const

const flippedBit: Step<Scene> = {
  title: 'flip one bit in the database file',
  play: (scene) => tamperWithPage(scene, (copy, page) => copy.flipBit(page)),
}

const oldDatabase: Step<Scene> = {
  title: 'put an old database file back',
  async play(scene) {
    const { stage } = scene
    await stage.stopServer()
    const old = stage.copyServer()
    await stage.startServer()
    await writeSomething(scene)
    await stage.stopServer()
    const good = stage.copyServer()
    old.putBackDatabase()
    try {
      const { code } = await expectRefusal(['STATE_ROLLED_BACK', 'CHECKPOINT_FORKED'], () => stage.startServer())
      return `noticed: ${code}`
    } finally {
      await stage.stopServer()
      good.putBack()
      await stage.startServer()
    }
  },
}

const oldPage: Step<Scene> = {
  title: 'put one old page back into the database',
  play: (scene) => tamperWithPage(scene, (copy, page) => copy.putBackPage(page)),
}

const hiddenRevocation: Step<Scene> = {
  title: 'the host hides that access was taken back',
  async play(scene) {
    const { stage } = scene
    const bob = scene.get('bob')
    const omar = scene.get('omar')
    const { recordId } = scene.get('result')
    const lying = await stage.lyingPlace()
    try {
      await stage.restartServer({ ledgerUrl: lying.location })
      const untilMs = stage.context.clock.nowMs() + 86_400_000
      const { jti } = await bob.giveAccess({ grantee: omar.ref, scope: ['lab'], untilMs })
      await answered(() => omar.read(recordId))
      await bob.takeBack(jti)
      // The answer of a moment ago, in which the access still stands: signed by the ledger, and no longer true.
      lying.lie()
      const { code } = await expectRefusal(['ENDORSEMENT_NONCE', 'ENDORSEMENT_STALE'], () => omar.read(recordId))
      expectThat(lying.lied > 0, 'the host did lie')
      return `noticed: ${code}; nothing was opened`
    } finally {
      await stage.restartServer()
      await lying.close()
    }
  },
}

const alteredBlock: Step<Scene> = {
  title: 'change one character of a block of the ledger',
  async play(scene) {
    const { stage } = scene
    const { place, recordId } = scene.get('result')
    await stage.stopLedger()
    // The fingerprint of Alice's record, as it stands in the transaction of its block.
    const undo = stage.alterBlocks(recordId.slice(2))
    try {
      await stage.startLedger()
      const fault = await verifyLedgerOf(scene).then(
        () => undefined,
        (error: { code?: string; block?: number }) => error,
      )
      expectSame(fault?.code, 'LEDGER_BLOCK_INVALID', 'ledger verify')
      expectSame(fault?.block, place.block, 'block at fault')
      return `ledger verify: ${fault?.code ?? ''}, block ${fault?.block ?? ''}`
    } finally {
      await stage.stopLedger()
      undo()
      await stage.startLedger()
    }
  },
}

const otherProgram: Step<Scene> = {
  title: 'change one byte of the program',
  async play({ stage }) {
    const taPath = alterProgram(stage)
    await stage.stopServer()
    try {
      const { code } = await expectRefusal('TEE_MEASUREMENT', () => stage.startServer({ taPath }))
      return `not started: ${code}`
    } finally {
      await stage.stopServer()
      await stage.startServer()
    }
  },
}

const lyingHost: Step<Scene> = {
  title: 'a lying host starts that program anyway',
  // It was made to ignore that nobody voted for it; an honest one would end (docs/protocol/10-tee-abi.md §10.8).
  async play(scene) {
    const { stage } = scene
    const taPath = alterProgram(stage)
    const measurement = measure(readFileSync(taPath))
    await stage.restartServer({ taPath, measurement })
    try {
      const { code } = await expectRefusal('ATTESTATION_MEASUREMENT', () =>
        scene.get('alice').session.request('whoami'),
      )
      return `stopped before anything was sent: ${code}`
    } finally {
      await stage.restartServer()
    }
  },
}

const nothingLost: Step<Scene> = {
  title: 'after all that, everything is checked again',
  async play(scene) {
    const { blocks } = await verifyLedgerOf(scene)
    const { seal } = await verifiedByBob(scene)
    expectSame(seal.word, 'Verified unchanged (practice)', 'seal')
    return `${blocks} blocks, 0 faults; the result: "${seal.word}"`
  },
}

/** Only on a system of the demo's own: they stop parts and change files. */
export const ATTACKS_BY_OPERATORS: readonly Step<Scene>[] = [
  hiddenRevocation,
  flippedBit,
  oldDatabase,
  oldPage,
  alteredBlock,
  otherProgram,
  lyingHost,
]

/** The last of all. */
export const AFTER_ATTACKS: readonly Step<Scene>[] = [nothingLost]

/**
 * Tampers with one page that was written between two moments of the store. It is noticed when the server starts, or when
 * somebody reads what is on it. A page on which nothing rests any more may pass (TrustZone's volume writes everything to
 * free pages): then every answer must be as before, and more pages are tried, up to all that are different.
 */
async function tamperWithPage(scene: Scene, tamper: (older: FolderCopy, page: number) => void): Promise<string> {
  const { stage } = scene
  const before = await readEverything(scene)
  await stage.stopServer()
  const older = stage.copyServer()
  await stage.startServer()
  await writeSomething(scene)
  const expected = await readEverything(scene)
  expectThat(expected !== before, 'the records changed between the two moments')
  await stage.stopServer()
  const good = stage.copyServer()
  // So that the good copy stays the newest that the ledger knows of, whatever the server does meanwhile.
  const lying = await stage.lyingPlace()
  lying.keepWrites()
  try {
    const pages = older.changedPages().toReversed()
    for (let count = 1; ; count = Math.min(count * MORE_PAGES, pages.length)) {
      const tried = pages.slice(0, count)
      for (const page of tried) tamper(older, page)
      const code = await stage
        .startServer({ ledgerUrl: lying.location })
        .then(() => readEverything(scene))
        .then(
          (seen) => (seen === expected ? undefined : 'UNNOTICED'),
          (error: unknown) => codeOfFailure(error) ?? 'UNEXPECTED',
        )
      await stage.stopServer()
      good.putBack()
      const named = tried.length === 1 ? `page ${tried.join()}` : `${tried.length} pages`
      if (code === undefined && tried.length < pages.length) continue
      expectThat(
        TAMPERED.some((one) => one === code),
        `${named}, noticed, got ${code ?? 'nothing'}`,
      )
      return `${named} of ${older.pageBytes / 1024} KiB; noticed: ${code ?? ''}`
    }
  } finally {
    await lying.close()
    await stage.startServer()
  }
}

/** All of Bob's records with their texts, as one text. */
async function readEverything(scene: Scene): Promise<string> {
  const bob = scene.get('bob')
  const { items } = await answered(() => bob.records())
  const texts: string[] = []
  for (const { record, erasedMs } of items) {
    if (erasedMs === undefined) texts.push(`${record} ${encodeHex((await answered(() => bob.read(record))).ehr)}`)
  }
  return JSON.stringify([items, texts])
}

/** Enough that the next moment of the store is another one, on the ledger too. */
async function writeSomething(scene: Scene): Promise<void> {
  const { warrant } = scene.get('permission')
  await scene.get('alice').store({ patient: scene.get('bob').ref, warrant, ehr: hba1c(49, 'later') })
}

async function verifyLedgerOf({ stage }: Scene): Promise<{ readonly blocks: number }> {
  return await (await stage.ledgerView()).verify({})
}

/**
 * A copy of the program with one byte changed: it runs as the other one does, but takes a store over without votes.
 * OP-TEE runs signed files only, so there it is signed again, by whoever built it.
 */
function alterProgram(stage: Scene['stage']): string {
  const { taPath } = stage.program
  const bytes = readFileSync(taPath)
  const at = bytes.indexOf('!equalBytes(current.measurement, program.measurement)')
  if (at < 0) throw new Surprise('the program has another text')
  bytes[at] = ' '.charCodeAt(0)
  const path = join(stage.attackFolder(), `altered-${basename(taPath)}`)
  const isSigned = stage.tee === 'optee'
  writeFileSync(
    path,
    isSigned ? signAgain(bytes, readFileSync(join(builtFolder(), 'keys', 'ta-signing.pem'), 'utf8')) : bytes,
  )
  return path
}
