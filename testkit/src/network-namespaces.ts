/**
 * Network namespaces for tests of partitions: each with an address of its own on a bridge that this machine reaches, and a
 * cable that can be pulled. Linux, with the rights of an administrator; where that is not allowed, `namespacesRefused` says why.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'

const RANGE = '198.18'
/** Names of interfaces have 15 characters at most. */
const NUMBERS = 250

export interface NetworkNamespaces {
  /** IPv4 of the namespace with this number, from 1. */
  host(number: number): string
  /** What a program in it is started with. */
  within(number: number): readonly string[]
  /** Nothing comes in or goes out; whoever is connected is told nothing. */
  cut(number: number): void
  mend(number: number): void
  close(): void
}

/** Why there can be none here; undefined if there can. */
export function namespacesRefused(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  const name = `th${process.pid}`
  const tried = ip('netns', 'add', name)
  if (tried !== undefined) return tried
  ip('netns', 'del', name)
  const bridge = ip('link', 'add', `${name}b`, 'type', 'bridge')
  if (bridge === undefined) ip('link', 'del', `${name}b`)
  return bridge
}

/** @throws {Error} if it is not allowed. */
export function openNamespaces(count: number): NetworkNamespaces {
  const id = process.pid % NUMBERS
  const prefix = `th${process.pid}`
  const bridge = `${prefix}b`
  const name = (number: number) => `${prefix}n${number}`
  const host = (number: number) => `${RANGE}.${id}.${number + 1}`
  const numbers = Array.from({ length: count }, (_, i) => i + 1)
  const close = () => {
    for (const number of numbers) ip('netns', 'del', name(number))
    ip('link', 'del', bridge)
  }
  try {
    must('link', 'add', bridge, 'type', 'bridge')
    must('addr', 'add', `${RANGE}.${id}.1/24`, 'dev', bridge)
    must('link', 'set', bridge, 'up')
    for (const number of numbers) {
      const cable = `${prefix}v${number}`
      must('netns', 'add', name(number))
      must('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name(number))
      must('link', 'set', cable, 'master', bridge, 'up')
      must('-n', name(number), 'addr', 'add', `${host(number)}/24`, 'dev', 'eth0')
      must('-n', name(number), 'link', 'set', 'eth0', 'up')
      must('-n', name(number), 'link', 'set', 'lo', 'up')
    }
  } catch (error) {
    close()
    throw error
  }
  return {
    host,
    within: (number) => ['ip', 'netns', 'exec', name(number)],
    cut: (number) => must('link', 'set', `${prefix}v${number}`, 'down'),
    mend: (number) => must('link', 'set', `${prefix}v${number}`, 'up'),
    close,
  }
}

function must(...args: readonly string[]): void {
  const failure = ip(...args)
  if (failure !== undefined) throw new Error(`ip ${args.join(' ')}: ${failure}`)
}

/** @returns why it failed. */
function ip(...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (error !== undefined) return error.message
  return status === 0 ? undefined : stderr.trim() || `ended with ${status}`
}
