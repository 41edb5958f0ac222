/**
 * Questions of the patient's screens to the worker, with the keys under which answers are kept.
 *
 * @module
 */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { areaOf } from '../session/client.ts'

export const patient = areaOf('patient')
/** The first page is what a screen shows; of a long list the rest comes in larger ones. */
const PAGE = { first: 50, next: 250 } as const
/** Pages that are asked again when the tab is looked at. */
const MOST_AGAIN = 4

export const queries = {
  record: (id: string, version?: number) =>
    queryOptions({
      queryKey: ['patient', 'record', id, version ?? 0],
      queryFn: () => patient.open(id, version),
      staleTime: Infinity,
      refetchOnWindowFocus: false,
    }),
  erased: (id: string) =>
    queryOptions({
      queryKey: ['patient', 'erased', id],
      queryFn: () => patient.erased(id),
      staleTime: Infinity,
      refetchOnWindowFocus: false,
    }),
  versions: (id: string) =>
    queryOptions({ queryKey: ['patient', 'versions', id], queryFn: () => patient.versions(id) }),
  appointments: queryOptions({ queryKey: ['patient', 'appointments'], queryFn: () => patient.appointments() }),
  emergencies: queryOptions({ queryKey: ['patient', 'emergencies'], queryFn: () => patient.emergencies() }),
  eraseRequests: queryOptions({ queryKey: ['patient', 'erase-requests'], queryFn: () => patient.eraseRequests() }),
  questions: queryOptions({ queryKey: ['patient', 'questions'], queryFn: () => patient.questions() }),
  permissions: queryOptions({ queryKey: ['patient', 'permissions'], queryFn: () => patient.permissions() }),
  grants: queryOptions({ queryKey: ['patient', 'grants'], queryFn: () => patient.grants() }),
  choices: queryOptions({ queryKey: ['patient', 'choices'], queryFn: () => patient.recordChoices() }),
  doctors: queryOptions({ queryKey: ['patient', 'doctors'], queryFn: () => patient.doctors() }),
  otherDoctors: queryOptions({ queryKey: ['patient', 'other-doctors'], queryFn: () => patient.otherDoctors() }),
  listed: (listedBy: string, doctor: string) =>
    queryOptions({
      queryKey: ['patient', 'listed', listedBy, doctor],
      queryFn: () => patient.checkListed(listedBy, doctor),
      // What the ledger said for an earlier sheet counts for that one only.
      gcTime: 0,
      retry: false,
    }),
  keys: queryOptions({ queryKey: ['patient', 'keys'], queryFn: () => patient.keysOnLedger() }),
  search: (text: string) =>
    queryOptions({ queryKey: ['patient', 'search', text], queryFn: () => patient.search(text) }),
}

/** One page of the list at a time. */
export const recordPages = infiniteQueryOptions({
  queryKey: ['patient', 'records'],
  queryFn: ({ pageParam }) => patient.records(pageParam, pageParam === undefined ? PAGE.first : PAGE.next),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.cursor,
  refetchOnWindowFocus: ({ state }) => (state.data?.pages.length ?? 0) <= MOST_AGAIN,
})
