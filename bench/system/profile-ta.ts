/**
 * Loaded into the record server's process when profiles are wanted: the trusted application, which it starts with nothing
 * but what it needs, is started with a CPU profile in its own folder, too.
 *
 * @module
 */
import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

type Spawn = (command: string, args: readonly string[], options: object) => childProcess.ChildProcess

const spawn = childProcess.spawn as Spawn
const profiled: Spawn = (command, args, options) => {
  const at = args.indexOf('--permission')
  const data = args.find((arg) => arg.startsWith('--allow-fs-write='))?.slice('--allow-fs-write='.length)
  if (at < 0 || data === undefined) return spawn(command, args, options)
  const profile = [
    '--allow-inspector',
    '--cpu-prof',
    `--cpu-prof-dir=${data}`,
    `--cpu-prof-name=ta-${Date.now()}.cpuprofile`,
  ]
  return spawn(command, args.toSpliced(at + 1, 0, ...profile), options)
}
Object.assign(childProcess, { spawn: profiled })
syncBuiltinESMExports()
