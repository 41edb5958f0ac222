/**
 * One complete session as JSON: keys, draws, every message and what lies between them. `node session-vectors.ts`
 * writes session.json anew; that is right only together with a new version of the protocol.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { encodeCbor } from '../../../shared/protocol/src/cbor.ts'
import type { ServerRegistration } from '../../../shared/protocol/src/evidence.ts'
import { startHandshake } from '../../../shared/protocol/src/session/client.ts'
import { transcriptOfServer, transcriptOfShares } from '../../../shared/protocol/src/session/key-schedule.ts'
import { decodeReply } from '../../../shared/protocol/src/session/messages.ts'
import { SessionTable } from '../../../secure/core/src/sessions/table.ts'
import { NOW, openSessionWorld } from '../../../testkit/src/session-world.ts'
import { recordCrypto, type Tape } from '../../../testkit/src/taped-crypto.ts'

export interface SessionVector {
  readonly about: string
  readonly nowMs: number
  readonly server: {
    readonly ref: string
    /** Private scalar. */
    readonly identityKey: string
    readonly mspId: string
    readonly root: string
    readonly registration: Omit<ServerRegistration, 'identityKey' | 'attestationKeys'> & {
      readonly attestationKey: string
    }
    readonly draws: Tape
  }
  readonly client: {
    readonly ref: string
    /** Private scalar. */
    readonly key: string
    readonly certificate: string
    readonly draws: Tape
  }
  readonly hello: string
  readonly reply: string
  readonly evidence: string
  readonly t1: string
  readonly t2: string
  readonly exporter: string
  readonly toBeSigned: string
  readonly finish: string
  readonly finishAnswer: string
  readonly requests: readonly {
    readonly seq: number
    readonly request: string
    readonly frame: string
    readonly answer: string
    readonly answerFrame: string
  }[]
}

export const REQUESTS = [{ cmd: 'whoami' }, { cmd: 'ping', data: new Uint8Array([1, 2, 3]) }] as const
export const ANSWERS = [
  { ok: true, kind: 'practitioner' },
  { ok: false, code: 'TEE_BUSY' },
] as const

export function makeSessionVector(): SessionVector {
  const node = createNodeCrypto()
  const serverSide = recordCrypto(node)
  const clientSide = recordCrypto(node)
  const world = openSessionWorld(node)
  const doctor = world.participant('doctor')
  const [organization] = world.organizations
  let evidence = ''
  const server = {
    ...world.server,
    attest: (nonce: Uint8Array) => (evidence = world.server.attest(nonce)),
  }
  const table = new SessionTable(serverSide.crypto, server, world.organizations)
  const pending = startHandshake(clientSide.crypto)
  const reply = table.hello(pending.hello, 1, NOW)
  const checked = pending.checkServer(reply, world.check, doctor.identity)
  const unconfirmed = checked.finishWith(clientSide.crypto.sign(doctor.key, checked.toBeSigned))
  const { record } = table.completeFinish(table.finish(unconfirmed.finish, NOW), world.facts([doctor]), NOW)
  const session = unconfirmed.confirm(record, NOW.monotonicMs)
  const requests = REQUESTS.map((request, i) => {
    const { seq, frame } = session.sealRequest(request, NOW.monotonicMs)
    const opened = table.openRecord(frame, NOW)
    const answer = ANSWERS[i] ?? null
    const answerFrame = table.sealAnswer(opened.session, opened.seq, answer)
    return {
      seq,
      request: encodeHex(encodeCbor(request)),
      frame: encodeHex(frame),
      answer: encodeHex(encodeCbor(answer)),
      answerFrame: encodeHex(answerFrame),
    }
  })
  const { core, sig } = decodeReply(reply)
  const t1 = transcriptOfShares(node, pending.hello, core)
  const { identityKey: _, attestationKeys: __, ...registration } = world.check.server
  return {
    about: 'trusthealth/1 session of a doctor: docs/protocol/05-sessions.md. Bytes are hexadecimal.',
    nowMs: NOW.unixMs,
    server: {
      ref: world.server.ref,
      identityKey: encodeHex(node.exportSigningKey(world.server.identityKey)),
      mspId: organization.mspId,
      root: encodeHex(organization.roots[0] as Uint8Array),
      registration: { ...registration, attestationKey: encodeHex(world.deviceKey.publicKey) },
      draws: serverSide.tape,
    },
    client: {
      ref: doctor.ref,
      key: encodeHex(node.exportSigningKey(doctor.key)),
      certificate: encodeHex(doctor.certificate),
      draws: clientSide.tape,
    },
    hello: encodeHex(pending.hello),
    reply: encodeHex(reply),
    evidence,
    t1: encodeHex(t1),
    t2: encodeHex(transcriptOfServer(node, t1, sig, evidence)),
    exporter: encodeHex(session.exporter),
    toBeSigned: encodeHex(checked.toBeSigned),
    finish: encodeHex(unconfirmed.finish),
    finishAnswer: encodeHex(record),
    requests,
  }
}

if (import.meta.main) {
  const path = join(import.meta.dirname, 'session.json')
  writeFileSync(path, `${JSON.stringify(makeSessionVector(), undefined, 2)}\n`)
}
