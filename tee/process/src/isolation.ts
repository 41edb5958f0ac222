/**
 * What can be put between the trusted application's process and this machine, found out by trying: bubblewrap (own
 * network, files, processes; seccomp) or, failing that, `unshare` (own network), and no core dumps either way.
 * What is not available is left out and said so: the list goes into status and evidence (docs/protocol/09-evidence.md
 * §9.3). It is a claim of the host's software, not of hardware.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readlinkSync } from 'node:fs'

/** Words of the evidence's `isolation`. */
export type Isolation =
  'own-process' | 'permission-model' | 'no-core-dumps' | 'no-network' | 'own-files' | 'own-processes' | 'seccomp'

export interface Confinement {
  /** What was seen to be in force, in the order of the words above. */
  readonly isolation: readonly Isolation[]
  /**
   * The command that runs `command` confined. File descriptor 3 must be open on the seccomp filter if `needsFilter`.
   */
  wrap(command: readonly string[], paths: ConfinedPaths): readonly string[]
  readonly needsFilter: boolean
}

export interface ConfinedPaths {
  /** Folders and files that the process may read. */
  readonly read: readonly string[]
  /** Folders that it may write. */
  readonly write: readonly string[]
}

type Wrapper = (command: readonly string[], paths: ConfinedPaths) => readonly string[]

/** The limit is inherited by everything that is started after it. */
const withoutCoreDumps: Wrapper = (command) => ['/bin/sh', '-c', 'ulimit -c 0 && exec "$@"', 'sh', ...command]

/** What a program needs of the system: its shared libraries. Absent ones are skipped. */
const SYSTEM = ['/usr', '/lib', '/lib64', '/bin', '/etc/ld.so.cache']

function bubblewrap(seccomp: boolean): Wrapper {
  return (command, paths) => [
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
    '--cap-drop',
    'ALL',
    ...SYSTEM.flatMap((path) => ['--ro-bind-try', path, path]),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...paths.read.flatMap((path) => ['--ro-bind', path, path]),
    ...paths.write.flatMap((path) => ['--bind', path, path]),
    ...(seccomp ? ['--seccomp', '3'] : []),
    '--chdir',
    '/',
    '--',
    ...command,
  ]
}

const unshare: Wrapper = (command) => ['unshare', '--user', '--map-root-user', '--net', '--', ...command]
const plain: Wrapper = (command) => command

/** Weaker ones, for machines on which the strongest misbehaves, and for tests. */
export type InsecureConfinement = 'unshare' | 'none'

interface Attempt {
  readonly wrapper: Wrapper
  readonly needsFilter: boolean
}

function attempts(filterFile: string | undefined, insecure: InsecureConfinement | undefined): readonly Attempt[] {
  const none = { wrapper: plain, needsFilter: false }
  const network = { wrapper: unshare, needsFilter: false }
  if (insecure === 'none') return [none]
  if (insecure === 'unshare') return [network, none]
  const files = { wrapper: bubblewrap(false), needsFilter: false }
  const strongest = filterFile === undefined ? [] : [{ wrapper: bubblewrap(true), needsFilter: true }]
  return [...strongest, files, network, none]
}

/**
 * Finds the strongest confinement that works here. Takes a few milliseconds for each attempt.
 * @param filterFile a seccomp filter; undefined: none for this architecture.
 */
export async function findConfinement(
  filterFile: string | undefined,
  insecure?: InsecureConfinement,
): Promise<Confinement> {
  for (const { wrapper, needsFilter } of attempts(filterFile, insecure)) {
    const wrap: Wrapper = (command, paths) => withoutCoreDumps(wrapper(command, paths), paths)
    const seen = await observe(wrap, needsFilter ? filterFile : undefined)
    if (seen !== undefined) return { isolation: seen, wrap, needsFilter }
  }
  // Without /bin/sh not even the limit on core dumps can be set.
  return { isolation: ['own-process', 'permission-model'], wrap: plain, needsFilter: false }
}

/** Prints what the kernel says of the process that runs it. */
const OBSERVER = [
  '/bin/sh',
  '-c',
  'cat /proc/self/status /proc/self/limits && readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid',
]

/** What is in force for a program that is started like this; undefined if none can be. */
async function observe(wrap: Wrapper, filterFile: string | undefined): Promise<Isolation[] | undefined> {
  const seen = await output(wrap(OBSERVER, { read: [], write: [] }), filterFile)
  if (seen === undefined) return undefined
  const isOwn = (namespace: string): boolean => {
    const inside = new RegExp(`^${namespace}:\\[\\d+\\]$`, 'm').exec(seen)?.[0]
    return inside !== undefined && inside !== readlinkSync(`/proc/self/ns/${namespace}`)
  }
  const facts: readonly (readonly [Isolation, boolean])[] = [
    ['own-process', true],
    // A flag of the command that the driver starts: node refuses to start where it does not know it.
    ['permission-model', true],
    ['no-core-dumps', /^Max core file size +0 +0 /m.test(seen)],
    ['no-network', isOwn('net')],
    ['own-files', isOwn('mnt')],
    ['own-processes', isOwn('pid')],
    // A container's own filter also counts as one for the kernel; only ours is claimed.
    ['seccomp', filterFile !== undefined && /^Seccomp:\t2$/m.test(seen)],
  ]
  return facts.filter(([, inForce]) => inForce).map(([name]) => name)
}

/** Standard output of a program that ends well; undefined otherwise. */
async function output(command: readonly string[], filterFile: string | undefined): Promise<string | undefined> {
  const [program = '', ...args] = command
  const filter = filterFile === undefined ? 'ignore' : openSync(filterFile, 'r')
  try {
    const child = spawn(program, args, { env: {}, stdio: ['ignore', 'pipe', 'ignore', filter], timeout: 10_000 })
    let text = ''
    child.stdout?.setEncoding('latin1').on('data', (part: string) => (text += part))
    const [code] = (await once(child, 'close')) as [number | null]
    return code === 0 ? text : undefined
  } catch {
    return undefined
  } finally {
    if (filter !== 'ignore') closeSync(filter)
  }
}
