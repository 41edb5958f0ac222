/**
 * Kills the trusted application's process of one store, and no other. The driver starts it in wrappers that confine it,
 * so it is found by the store that stands in its command line. Linux only.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Whether processes can be found here. */
export const canFindProcesses = process.platform === 'linux'

/** SIGKILL, as a power cut would. @returns how many processes there were. */
export function killTrustedApplication(dataFolder: string): number {
  const pids = processesOfTrustedApplication(dataFolder)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself meanwhile.
    }
  }
  return pids.length
}

/** Ids of the trusted application's process and of the wrappers that confine it. */
export function processesOfTrustedApplication(dataFolder: string): readonly number[] {
  return processesWith(`--store=${dataFolder}`)
}

function processesWith(argument: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && argumentsOf(pid).includes(argument))
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
