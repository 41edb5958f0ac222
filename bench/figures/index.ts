/**
 * Everything that is measured, in the order of the page. A new measurement is a file here (or elsewhere) and a line.
 *
 * @module
 */
import type { Measurement } from '../harness/measurement.ts'
import { fabric } from './fabric.ts'
import { fig3 } from './fig3.ts'
import { fig4 } from './fig4.ts'
import { fig5 } from './fig5.ts'
import { fig6 } from './fig6.ts'
import { fig7 } from './fig7.ts'
import { fig8 } from './fig8.ts'
import { growth } from './growth.ts'
import { handshakes } from './handshakes.ts'
import { headline } from './headline.ts'
import { peers } from './peers.ts'
import { reads } from './reads.ts'
import { table4 } from './table4.ts'

export const MEASUREMENTS: readonly Measurement[] = [
  headline,
  fig3,
  fig4,
  fig5,
  table4,
  fig6,
  fig7,
  fig8,
  handshakes,
  reads,
  growth,
  fabric,
  peers,
]
