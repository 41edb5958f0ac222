/**
 * How answers of the worker are kept on the page: in memory only, asked again when a person comes back, repeated only where a
 * part was away.
 *
 * @module
 */
import { QueryClient } from '@tanstack/react-query'
import { isAway } from '../errors/error-words.ts'

const MAX_REPEATS = 2

export function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        // What stands still is asked again when the tab is looked at, not by a clock.
        refetchOnWindowFocus: true,
        networkMode: 'always',
        retry: (count, error) => count < MAX_REPEATS && isAway(error),
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}
