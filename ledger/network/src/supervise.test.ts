import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NetworkNode } from './options.ts'
import { supervise } from './supervise.ts'

function nodeThat(start: () => Promise<void>) {
  let pid = 1
  const node: NetworkNode = {
    name: 'peer0.a',
    kind: 'peer',
    mspId: 'A',
    endpoint: '127.0.0.1:1',
    get pid() {
      return pid
    },
    kill() {
      pid = 0
      return Promise.resolve()
    },
    async start() {
      await start()
      pid = 2
    },
  }
  return node
}

test('a process that ended is started again, also when the first attempt fails', async () => {
  let attempts = 0
  const stop = new AbortController()
  const lines: string[] = []
  const node = nodeThat(() => (++attempts === 1 ? Promise.reject(new Error('port taken')) : Promise.resolve()))
  await node.kill()
  await supervise([node], {
    signal: stop.signal,
    onChange: (line) => {
      lines.push(line)
      if (line === 'peer0.a runs again') stop.abort()
    },
  })
  assert.equal(attempts, 2)
  assert.equal(node.pid, 2)
  assert.deepEqual(lines, ['peer0.a ended', 'peer0.a did not start', 'peer0.a ended', 'peer0.a runs again'])
})

test('nothing is started after the end', async () => {
  const stop = new AbortController()
  let attempts = 0
  const node = nodeThat(() => Promise.resolve(void attempts++))
  await node.kill()
  await supervise([node], { signal: stop.signal, onChange: () => stop.abort() })
  assert.equal(attempts, 0)
})
