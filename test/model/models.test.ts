/**
 * The models of docs/protocol/model: the protocol holds, each weakened variant is refuted, and the runs that refute the
 * paper's own exchange are those that the page shows.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalSteps, checkModel, missingTools } from './spin.ts'

const FOLDER = join(import.meta.dirname, '../../docs/protocol/model')
const PAGE = readFileSync(join(FOLDER, 'README.md'), 'utf8')

/** Independent steps may come in either order. */
const unordered = (steps: string): string => steps.trim().split('\n').toSorted().join('\n')
const SHOWN = new Set([...PAGE.matchAll(/```\n(.*?)```/gs)].map(([, steps = '']) => unordered(steps)))

/** A variant, and the property that must be refuted; none: everything holds. */
interface Variant {
  readonly model: 'session' | 'reads'
  readonly defines: readonly string[]
  readonly refuted?: string
  /** The page shows this run. */
  readonly isShown?: boolean
}

const VARIANTS: readonly Variant[] = [
  { model: 'session', defines: [] },
  { model: 'session', defines: ['X25519_BROKEN'] },
  { model: 'session', defines: ['KEM_BROKEN'] },
  { model: 'session', defines: ['CLIENT_KEY_LEAKED'] },
  { model: 'session', defines: ['IDENTITY_KEY_LEAKED'] },
  { model: 'session', defines: ['PAPER', 'ONLY_SECRECY'] },
  { model: 'session', defines: ['PAPER', 'ONLY_UKS'], refuted: 'no unknown key share', isShown: true },
  { model: 'session', defines: ['PAPER', 'ONLY_CONFIRMATION'], refuted: 'key confirmation', isShown: true },
  { model: 'session', defines: ['PAPER', 'ONLY_AGREEMENT'], refuted: "agreement, the server's view", isShown: true },
  { model: 'session', defines: ['NO_CLIENT_BINDING', 'ONLY_UKS'], refuted: 'no unknown key share' },
  { model: 'session', defines: ['IDENTITY_KEY_LEAKED', 'NO_EVIDENCE'], refuted: "secrecy, a client's key" },
  { model: 'session', defines: ['IDENTITY_KEY_LEAKED', 'STALE_EVIDENCE'], refuted: "secrecy, a client's key" },
  { model: 'session', defines: ['X25519_BROKEN', 'KEM_BROKEN', 'ONLY_SECRECY'], refuted: "secrecy, a client's key" },
  { model: 'session', defines: ['REPLICA', 'CLIENT_KEY_LEAKED'] },
  { model: 'session', defines: ['REPLICA', 'CLIENT_KEY_LEAKED', 'IDENTITY_KEY_LEAKED'] },
  {
    model: 'session',
    defines: ['REPLICA', 'CLIENT_KEY_LEAKED', 'NO_REPLICA_EVIDENCE'],
    refuted: "secrecy, the server's key",
  },
  {
    model: 'session',
    defines: ['REPLICA', 'CLIENT_KEY_LEAKED', 'STALE_REPLICA_EVIDENCE'],
    refuted: "secrecy, the server's key",
  },
  { model: 'session', defines: ['REACH'], refuted: 'nothing ever finishes' },
  { model: 'reads', defines: [] },
  { model: 'reads', defines: ['NO_NONCE'], refuted: 'revoked means refused' },
  { model: 'reads', defines: ['SHARED_ROUND'], refuted: 'revoked means refused', isShown: true },
  { model: 'reads', defines: ['NO_QUESTION'], refuted: 'minimum height' },
  { model: 'reads', defines: ['NO_HEIGHT'], refuted: 'minimum height' },
  { model: 'reads', defines: ['QUORUM=1'], refuted: 'minimum height' },
  { model: 'reads', defines: ['REACH'], refuted: 'nothing is ever answered' },
]

const missing = missingTools()
const options = { skip: missing ?? false }

for (const { model, defines, refuted, isShown = false } of VARIANTS) {
  const name = `${model}${defines.length === 0 ? '' : `, ${defines.join(' and ')}`}`
  test(
    `${name}: ${refuted === undefined ? 'holds in every state' : `the checker refutes “${refuted}”`}`,
    options,
    () => {
      const search = refuted === undefined ? 'all' : 'shortest'
      const verdict = checkModel(join(FOLDER, `${model}.pml`), defines, search)
      assert.equal(verdict.refuted, refuted, verdict.steps.join('\n'))
      if (refuted === undefined) assert.ok(verdict.states > 1_000, `${verdict.states} states only`)
      if (isShown) {
        const steps = canonicalSteps(verdict.steps)
        assert.ok(SHOWN.has(unordered(steps)), `the page shows another run than this:\n${steps}`)
      }
    },
  )
}

test('the page names every variant that is checked', () => {
  for (const { defines } of VARIANTS) for (const name of defines) assert.ok(PAGE.includes(`\`${name}\``), name)
})

test('names in a run do not depend on the order in which they were numbered', () => {
  const one = ['Bob starts with Server: A1', 'Server takes A1 and replies B0', 'Alice starts with Server: A0']
  const other = ['Alice starts with Server: A0', 'Server takes A0 and replies B1', 'Bob starts with Server: A1']
  assert.equal(canonicalSteps(one), canonicalSteps(other))
  assert.equal(
    canonicalSteps(one),
    'Alice starts with Server: A\nServer takes A and replies B\nBob starts with Server: A2',
  )
})
