import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seccompFilter } from './seccomp.ts'

const EPERM = 0x00050001
const ALLOW = 0x7fff0000
const KILL = 0x80000000
const X64 = 0xc000003e
const ARM64 = 0xc00000b7

/** What the kernel does with the filter: classic BPF, the four instructions it has. */
function run(filter: Uint8Array, architecture: number, call: number): number {
  const view = new DataView(filter.buffer)
  let accumulator = 0
  for (let at = 0; ; at++) {
    const value = view.getUint32(at * 8 + 4, true)
    const jump = (taken: boolean): number => view.getUint8(at * 8 + (taken ? 2 : 3))
    switch (view.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = value === 4 ? architecture : call
        break
      case 0x15:
        at += jump(accumulator === value)
        break
      case 0x35:
        at += jump(accumulator >= value)
        break
      case 0x06:
        return value
      default:
        throw new Error('another instruction')
    }
  }
}

test('x86-64: sockets, tracing and mounts are refused, files and memory are not', () => {
  const filter = seccompFilter('x64') as Uint8Array
  for (const call of [41, 42, 43, 49, 50, 53, 101, 165, 272, 308, 321, 425, 288, 173]) {
    assert.equal(run(filter, X64, call), EPERM, String(call))
  }
  for (const call of [0, 1, 9, 44, 45, 56, 59, 202, 231, 257, 435]) assert.equal(run(filter, X64, call), ALLOW)
})

test('arm64: the same calls under their numbers', () => {
  const filter = seccompFilter('arm64') as Uint8Array
  for (const call of [198, 203, 202, 200, 201, 199, 117, 40, 97, 268, 280]) {
    assert.equal(run(filter, ARM64, call), EPERM)
  }
  for (const call of [63, 64, 56, 222, 220, 221]) assert.equal(run(filter, ARM64, call), ALLOW)
})

test('another architecture ends the process, the x32 calls are refused', () => {
  const filter = seccompFilter('x64') as Uint8Array
  assert.equal(run(filter, ARM64, 0), KILL)
  assert.equal(run(filter, 0x40000003, 102), KILL)
  assert.equal(run(filter, X64, 0x4000_0000), EPERM)
  assert.equal(run(filter, X64, 0x4000_0029), EPERM)
  assert.equal(seccompFilter('riscv64'), undefined)
})
