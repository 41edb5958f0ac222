// breaks: shared-fhir-imports, shared-fhir-node, shared-fhir-packages
import { fine } from '../../crypto/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]
