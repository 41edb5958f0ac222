/**
 * The theme: our tokens (tokens.css) for the components of Mantine. Variables are written to a stylesheet at build time,
 * because a page under our Content-Security-Policy cannot add style elements; see tools/portal/mantine-variables.ts.
 *
 * @module
 */
import {
  createTheme,
  defaultVariantColorsResolver,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core'

const brand: MantineColorsTuple = [
  '#eaf2fc',
  '#d3e4f8',
  '#b0cff1',
  '#8cbeff',
  '#5f9fe6',
  '#3c80cf',
  '#2567b8',
  '#1454a3',
  '#0f4487',
  '#0b356b',
]

/** Colours of filled, light and subtle variants, with a ratio of 4.5 or more in both schemes. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const isBad = input.color === 'bad'
  const main = isBad ? 'var(--th-bad)' : 'var(--th-link)'
  const on = isBad ? 'var(--th-on-bad)' : 'var(--th-on-link)'
  const tint = isBad ? 'var(--th-bad-tint)' : 'var(--th-none-tint)'
  const hover = `color-mix(in srgb, ${main} 88%, var(--th-text))`
  switch (input.variant) {
    case 'filled':
      return { background: main, hover, color: on, border: '1px solid transparent' }
    case 'outline':
    case 'default':
      return { background: 'var(--th-bg)', hover: tint, color: main, border: '1px solid var(--th-border)' }
    case 'light':
      return { background: tint, hover: tint, color: main, border: '1px solid transparent' }
    case 'subtle':
    case 'transparent':
      return { background: 'transparent', hover: tint, color: main, border: '1px solid transparent' }
    default:
      return defaultVariantColorsResolver(input)
  }
}

const noScrollLock = { defaultProps: { lockScroll: false } }

export const theme = createTheme({
  colors: { brand },
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 3 },
  variantColorResolver,
  fontFamily: 'var(--th-font)',
  fontFamilyMonospace: 'var(--th-mono)',
  defaultRadius: 'sm',
  fontSizes: { xs: '14px', sm: '14px', md: '16px', lg: '17px', xl: '20px' },
  headings: { fontFamily: 'var(--th-font)' },
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    // Their scroll lock adds a style element, which the Content-Security-Policy refuses.
    Modal: noScrollLock,
    Drawer: noScrollLock,
    ModalRoot: noScrollLock,
    DrawerRoot: noScrollLock,
    Button: { defaultProps: { size: 'md' } },
  },
})

const shared = {
  '--mantine-color-body': 'var(--th-bg)',
  '--mantine-color-text': 'var(--th-text)',
  '--mantine-color-bright': 'var(--th-text)',
  '--mantine-color-dimmed': 'var(--th-text2)',
  '--mantine-color-placeholder': 'var(--th-text2)',
  '--mantine-color-anchor': 'var(--th-link)',
  '--mantine-color-error': 'var(--th-bad)',
  '--mantine-color-default': 'var(--th-bg)',
  '--mantine-color-default-hover': 'var(--th-none-tint)',
  '--mantine-color-default-color': 'var(--th-text)',
  '--mantine-color-default-border': 'var(--th-border)',
  '--mantine-color-disabled': 'var(--th-none-tint)',
  '--mantine-color-disabled-color': 'var(--th-text2)',
  '--mantine-color-disabled-border': 'var(--th-border)',
  '--mantine-primary-color-filled': 'var(--th-link)',
  '--mantine-primary-color-filled-hover': 'var(--th-link)',
  '--mantine-primary-color-contrast': 'var(--th-on-link)',
  '--mantine-primary-color-light': 'var(--th-none-tint)',
  '--mantine-primary-color-light-hover': 'var(--th-none-tint)',
  '--mantine-primary-color-light-color': 'var(--th-link)',
}

/** Given to both schemes, so that it wins over the defaults of each. */
export const cssVariables: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared })
