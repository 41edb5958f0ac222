/** The operators' files say what the network of the suites runs with. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { FABRIC_VERSION } from './binaries.ts'
import { channelConfiguration } from './channel-configuration.ts'
import { nodePaths, pathsIn } from './folder.ts'
import { ordererConfiguration, peerConfiguration } from './node-configuration.ts'
import { createPlan, type OrdererPlan, type OrganizationPlan } from './plan.ts'

const read = (name: string) => readFileSync(new URL(`../deploy/${name}`, import.meta.url), 'utf8')
const plan = await createPlan({
  folder: '',
  organizations: ['HospitalA', 'HospitalB', 'HospitalC'].map((name) => ({
    mspId: name as MspId,
    name,
    authority: undefined as never,
  })),
  basePort: 7_050,
})
const node = nodePaths('/node')

/** `{a: {b: 1}}` as `PREFIX_A_B` → `1`, as Fabric's programs read it from their environment. */
function asEnvironment(prefix: string, value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[prefix, String(value)]]
  return Object.entries(value).flatMap(([name, member]) => asEnvironment(`${prefix}_${name.toUpperCase()}`, member))
}

function settings(name: string): Map<string, string> {
  const lines = read(name)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** Times, numbers and switches; addresses and paths differ by nature. */
const isTuning = (value: string) => /^(\d+(ms|s)?|true|false|none|prometheus|warning)$/.test(value)
const PORTS = /PORT$/

const files = [
  ['settings/peer.env', 'CORE', peerConfiguration('', plan.organizations[0] as OrganizationPlan, node, '/builder')],
  ['settings/orderer.env', 'ORDERER', ordererConfiguration('', plan.orderers[0] as OrdererPlan, node)],
] as const
for (const [name, prefix, text] of files) {
  test(`${name} tunes a node as the suites’ network does, and knows no other setting`, () => {
    const given = settings(name)
    const expected = new Map(asEnvironment(prefix, parse(text)))
    const tuned = [...expected].filter(([key, value]) => isTuning(value) && !PORTS.test(key))
    assert.ok(tuned.length >= 5, 'found the settings')
    for (const [key, value] of tuned) assert.equal(given.get(key), value, key)
    for (const key of given.keys()) assert.ok(expected.has(key) || key === 'FABRIC_LOGGING_SPEC', key)
  })
}

test('the first block of three hospitals has the policies and sizes of the suites’ network', () => {
  type Profile = Record<'Orderer' | 'Application', Record<string, Record<string, unknown>>>
  const profileOf = (text: string) => {
    return (parse(text, { merge: true }) as { Profiles: { TrustHealth: Profile } }).Profiles.TrustHealth
  }
  const ours = profileOf(channelConfiguration(plan, pathsIn('/state')))
  const theirs = profileOf(read('configtx.yaml'))
  for (const member of ['Policies', 'Capabilities'] as const) {
    assert.deepEqual(theirs.Application[member], ours.Application[member])
    assert.deepEqual(theirs.Orderer[member], ours.Orderer[member])
  }
  for (const member of ['OrdererType', 'BatchTimeout', 'BatchSize']) {
    assert.deepEqual(theirs.Orderer[member], ours.Orderer[member])
  }
  assert.deepEqual(theirs.Orderer['EtcdRaft']?.['Options'], ours.Orderer['EtcdRaft']?.['Options'])
})

test('every image of Fabric has the version that is tested', () => {
  const texts = ['compose.yaml', 'kubernetes/orderer.yaml', 'kubernetes/peer.yaml'].map(read).join('\n')
  const images = [...texts.matchAll(/image: hyperledger\/fabric-\w+:(\S+)/g)].map(([, tag]) => tag)
  assert.deepEqual(new Set(images), new Set([FABRIC_VERSION.slice(1)]))
  assert.equal(images.length, 4)
})

test('every volume that a container mounts is one that its pod has', () => {
  interface Mounts {
    readonly kind: string
    readonly spec: {
      readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
      readonly template: {
        readonly spec: {
          readonly volumes: readonly { readonly name: string }[]
          readonly containers: readonly { readonly volumeMounts: readonly { readonly name: string }[] }[]
        }
      }
    }
  }
  let pods = 0
  for (const name of ['orderer', 'peer', 'chaincode']) {
    for (const document of parseAllDocuments(read(`kubernetes/${name}.yaml`))) {
      const { kind, spec } = document.toJS() as Mounts
      if (kind === 'Service') continue
      pods++
      const claims = spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name) ?? []
      const volumes = [...claims, ...spec.template.spec.volumes.map((volume) => volume.name)]
      const mounts = spec.template.spec.containers.flatMap(({ volumeMounts }) =>
        volumeMounts.map((mount) => mount.name),
      )
      assert.deepEqual(mounts.toSorted(), volumes.toSorted(), name)
    }
  }
  assert.equal(pods, 3)
})
