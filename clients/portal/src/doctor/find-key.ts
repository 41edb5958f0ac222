/**
 * Ctrl K or ⌘ K finds a patient, from every screen of the doctor.
 *
 * @module
 */
import { useEffect } from 'react'
import { useLocation } from 'wouter'

/** With this in the address the day begins with the field in which patients are found. */
export const FIND = 'find'

/** @param find what to do here; absent: go to the day, where patients are found. */
export function useFindKey(find?: () => void): void {
  const [, navigate] = useLocation()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return
      event.preventDefault()
      if (find === undefined) navigate(`/doctor?${FIND}`)
      else find()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [find, navigate])
}
