/**
 * The measurement's handle on the load generator's process.
 *
 * @module
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { LoadRequest, LoadResult, LoadSetup } from './load.ts'
import { nodeOptions } from './program.ts'

export interface LoadProcess {
  readonly pid: number
  run(request: LoadRequest): Promise<LoadResult>
  close(): Promise<void>
}

export async function startLoad(setup: LoadSetup): Promise<LoadProcess> {
  const child = fork(join(import.meta.dirname, 'load.ts'), {
    execArgv: [...nodeOptions('bench/system/load.ts')],
    serialization: 'advanced',
  })
  const ask = async (message: object): Promise<unknown> => {
    child.send(message)
    const [answer] = (await once(child, 'message')) as [{ readonly result?: unknown; readonly error?: string }]
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.result
  }
  await ask({ setup })
  return {
    pid: child.pid ?? 0,
    run: async (request) => (await ask({ run: request })) as LoadResult,
    async close() {
      if (!child.connected) return
      const ended = once(child, 'exit')
      child.send('end')
      await ended
    },
  }
}
