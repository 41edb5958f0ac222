/**
 * `trusthealth demo`.
 *
 * @module
 */
import type { CommandRow } from '../command-row.ts'

export const DEMO_COMMANDS: readonly CommandRow[] = [
  {
    path: 'demo',
    summary: 'see a record written, shared and attacked, each step with its proof',
    details:
      'Plays on a temporary system. With --state it plays on the system that runs there, without what would damage it.',
    options: [
      { flags: '--step', description: 'wait for Enter before each step' },
      { flags: '--ledger <kind>', description: 'of the temporary system: embedded, or fabric' },
      { flags: '--tee <kind>', description: 'of the temporary system: process, or optee for ARM TrustZone in QEMU' },
    ],
    examples: ['demo --step', 'demo --ledger fabric', 'demo --tee optee'],
    // Loaded when it is wanted: it brings the whole system with it.
    run: async (...given) => (await import('../demo/demo.ts')).runDemo(...given),
  },
]
