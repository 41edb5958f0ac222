/**
 * A seccomp filter for the process of the trusted application: no sockets, no tracing of other processes, no mounts, no
 * kernel interfaces it has no use for. Refused calls fail with EPERM. It denies a list and allows the rest: V8 needs
 * too many calls for a short list of allowed ones to stay right from one version to the next.
 * The filter is classic BPF (Linux, Documentation/userspace-api/seccomp_filter), built here to need no library.
 *
 * @module
 */

/** Number of each call on x86-64 and on arm64; undefined where the architecture has none. */
const DENIED: Readonly<Record<string, readonly [x64: number, arm64: number | undefined]>> = {
  socket: [41, 198],
  connect: [42, 203],
  accept: [43, 202],
  accept4: [288, 242],
  bind: [49, 200],
  listen: [50, 201],
  socketpair: [53, 199],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  pidfd_getfd: [438, 438],
  kcmp: [312, 272],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  move_mount: [429, 429],
  open_tree: [428, 428],
  fsopen: [430, 430],
  fsmount: [432, 432],
  mount_setattr: [442, 442],
  setns: [308, 268],
  unshare: [272, 97],
  open_by_handle_at: [304, 265],
  name_to_handle_at: [303, 264],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  quotactl: [179, 60],
  iopl: [172, undefined],
  ioperm: [173, undefined],
}

// linux/audit.h, linux/seccomp.h, linux/bpf_common.h
const AUDIT_ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 } as const
const ALLOW = 0x7fff0000
const EPERM = 0x00050001
const KILL = 0x80000000
const LOAD_WORD = 0x20
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_AT_LEAST = 0x35
const RETURN = 0x06
const OFFSET_OF_NUMBER = 0
const OFFSET_OF_ARCHITECTURE = 4
/** Calls of the x32 ABI have this bit. */
const X32 = 0x40000000

/** The filter's bytes for bubblewrap's `--seccomp`; undefined on other architectures. */
export function seccompFilter(architecture: string): Uint8Array | undefined {
  if (architecture !== 'x64' && architecture !== 'arm64') return undefined
  const numbers = Object.values(DENIED)
    .map(([x64, arm64]) => (architecture === 'x64' ? x64 : arm64))
    .filter((number) => number !== undefined)
  const isX64 = architecture === 'x64'
  // Jumps count instructions from the next one; the last two are "allow" and "refuse".
  const afterChecks = numbers.length + 1
  const instructions: Instruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_OF_ARCHITECTURE],
    [JUMP_IF_EQUAL, 1, 0, AUDIT_ARCH[architecture]],
    [RETURN, 0, 0, KILL],
    [LOAD_WORD, 0, 0, OFFSET_OF_NUMBER],
    ...(isX64 ? [[JUMP_IF_AT_LEAST, afterChecks, 0, X32] as Instruction] : []),
    ...numbers.map((number, i): Instruction => [JUMP_IF_EQUAL, numbers.length - i, 0, number]),
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, EPERM],
  ]
  const out = new DataView(new ArrayBuffer(instructions.length * 8))
  instructions.forEach(([code, ifTrue, ifFalse, value], i) => {
    out.setUint16(i * 8, code, true)
    out.setUint8(i * 8 + 2, ifTrue)
    out.setUint8(i * 8 + 3, ifFalse)
    out.setUint32(i * 8 + 4, value, true)
  })
  return new Uint8Array(out.buffer)
}

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]
