import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Turns } from './turns.ts'

test('so many begin at once, the others in the next turns, in their order', async () => {
  const turns = new Turns(2)
  const begun: number[] = []
  for (let i = 0; i < 5; i++) turns.take(() => begun.push(i))
  assert.deepEqual(begun, [0, 1])
  const seen: number[] = []
  while (begun.length < 5) {
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(begun.length)
  }
  assert.deepEqual(begun, [0, 1, 2, 3, 4])
  assert.ok(seen.includes(4), 'two in each turn')
  // After a turn without any there is room again.
  await new Promise((resolve) => setImmediate(resolve))
  turns.take(() => begun.push(5))
  assert.equal(begun.at(-1), 5)
})

test('what comes while others wait does not overtake them', async () => {
  const turns = new Turns(1)
  const begun: string[] = []
  turns.take(() => begun.push('first'))
  turns.take(() => {
    begun.push('second')
    turns.take(() => begun.push('fourth'))
  })
  turns.take(() => begun.push('third'))
  while (begun.length < 4) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(begun, ['first', 'second', 'third', 'fourth'])
})

test('new connections are answered beside busy ones', async (t) => {
  const [busy, newcomers] = [40, 40]
  const turns = new Turns()
  let served = 0
  const server = createServer((_request, response) =>
    turns.take(() => {
      served++
      response.end()
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const ask = async (agent: Agent): Promise<void> => {
    const [response] = (await once(get({ host: '127.0.0.1', port, agent }), 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
  }
  const kept = new Agent({ keepAlive: true, maxSockets: busy })
  await Promise.all(Array.from({ length: busy }, () => ask(kept)))
  const over = new AbortController()
  const working = Array.from({ length: busy }, async () => {
    while (!over.signal.aborted) await ask(kept)
  })
  const before = served
  await Promise.all(
    Array.from({ length: newcomers }, async () => {
      const own = new Agent()
      await ask(own)
      own.destroy()
    }),
  )
  const meanwhile = served - before - newcomers
  over.abort()
  await Promise.all(working)
  kept.destroy()
  // Without turns each newcomer waits for a request of every busy connection.
  assert.ok(meanwhile < (newcomers * busy) / 4, `${meanwhile} requests of others`)
})
