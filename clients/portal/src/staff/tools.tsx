/**
 * The staff's part of the header: find a person or a command.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { ToolsPlace } from '../role-module.ts'
import { Palette } from '../shell/palette.tsx'
import { queries } from './queries.ts'

export function Tools({ commands }: Pick<ToolsPlace, 'commands'>): ReactNode {
  const { t } = useWords()
  const [isOpen, setIsOpen] = useState(false)
  // Who may not list people finds commands.
  const patients = useQuery({ ...queries.patients, enabled: isOpen }).data ?? []
  const doctors = useQuery({ ...queries.doctors, enabled: isOpen }).data ?? []
  const foundIn = (people: readonly { readonly ref: string; readonly name: string }[], note: string) =>
    people.map(({ ref, name }) => ({ label: name, note, href: `/staff/people/${ref}` }))
  const people = [...foundIn(patients, t('palette.patient')), ...foundIn(doctors, t('palette.doctor'))]
  return <Palette isOpen={isOpen} onChange={setIsOpen} items={[...people, ...commands]} />
}
