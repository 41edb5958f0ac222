// breaks: clients-portal-imports, clients-portal-node, clients-portal-packages
import { chromium } from 'playwright-core'
import { createElement } from 'react'
import { fine } from '../../../ledger/client/src/index.ts'
import { release } from 'node:os'
export const fault = [fine, release, chromium, createElement]
