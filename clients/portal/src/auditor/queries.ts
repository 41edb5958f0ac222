/**
 * Questions of the auditor's screens to the worker, with the keys under which answers are kept.
 *
 * @module
 */
import { queryOptions } from '@tanstack/react-query'
import { areaOf } from '../session/client.ts'

export const auditor = areaOf('auditor')
export const BLOCKS_A_PAGE = 25

export const queries = {
  state: queryOptions({ queryKey: ['auditor', 'state'], queryFn: () => auditor.state(), staleTime: Infinity }),
  facts: queryOptions({ queryKey: ['auditor', 'facts'], queryFn: () => auditor.facts(), staleTime: 0 }),
  witnesses: queryOptions({ queryKey: ['auditor', 'witnesses'], queryFn: () => auditor.witnessRows(), staleTime: 0 }),
  blocks: (newest: number | undefined) =>
    queryOptions({
      queryKey: ['auditor', 'blocks', newest ?? -1],
      queryFn: () => auditor.blocks(newest, BLOCKS_A_PAGE),
      staleTime: 5_000,
    }),
  block: (number: number) =>
    queryOptions({ queryKey: ['auditor', 'block', number], queryFn: () => auditor.block(number), staleTime: 5_000 }),
}
