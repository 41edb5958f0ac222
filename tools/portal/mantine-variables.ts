/**
 * The variables of Mantine's theme as a stylesheet, made at build time: the page's Content-Security-Policy allows no
 * style element, and so Mantine may not write them itself.
 *
 * @module
 */
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core'
import type { Plugin } from 'vite'
import { cssVariables, theme } from '../../clients/portal/src/theme/theme.ts'

const NAME = 'virtual:mantine-variables.css'

export function mantineVariablesCss(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme)
  const base = defaultCssVariablesResolver(merged)
  const own = cssVariables(merged)
  return withoutOtherColours(
    convertCssVariables(
      {
        variables: { ...base.variables, ...own.variables },
        light: { ...base.light, ...own.light },
        dark: { ...base.dark, ...own.dark },
      },
      ':root',
    ),
  )
}

/** Of the default palette only what components name themselves. */
function withoutOtherColours(css: string): string {
  return css.replace(
    /--mantine-color-(pink|grape|violet|indigo|blue|cyan|teal|green|lime|yellow|orange)-[\w-]+:[^;]*;/g,
    '',
  )
}

export function mantineVariables(): Plugin {
  return {
    name: 'mantine-variables',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? mantineVariablesCss() : undefined),
  }
}
