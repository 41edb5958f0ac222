/**
 * Fabric's tools as subprocesses: configtxgen makes the first block, osnadmin and peer do what an administrator does.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { NetworkError } from './errors.ts'
import { plainEnvironment } from './processes.ts'

const TIMEOUT_MS = 120_000

/**
 * Runs a tool and returns what it printed.
 * @throws {NetworkError} `NETWORK_TOOL_FAILED` with the last lines it printed.
 */
export function runTool(
  bin: string,
  tool: 'peer' | 'osnadmin' | 'configtxgen',
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      join(bin, tool),
      args,
      {
        env: { ...plainEnvironment(), FABRIC_LOGGING_SPEC: 'warn', ...env },
        timeout: TIMEOUT_MS,
        maxBuffer: 64 * 1024 * 1024,
      },
      (cause, stdout, stderr) => {
        if (cause === null) resolve(stdout)
        else reject(failure(tool, args, `${stdout}\n${stderr}`, cause))
      },
    )
  })
}

function failure(tool: string, args: readonly string[], said: string, cause: Error): NetworkError {
  const words = args.filter((word) => !word.startsWith('-')).slice(0, 3)
  const last = said.trim().split('\n').slice(-3).join(' | ')
  return new NetworkError('NETWORK_TOOL_FAILED', `${tool} ${words.join(' ')} failed: ${last}`, { cause })
}
