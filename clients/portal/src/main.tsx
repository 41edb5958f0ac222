/**
 * Entry of the page.
 *
 * @module
 */
import './theme/styles.ts'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { Language } from './i18n/i18n.tsx'
import { App } from './shell/app.tsx'
import { keepProgramForOffline } from './session/offline.ts'
import { createQueries } from './session/queries.ts'
import { theme } from './theme/theme.ts'

const root = document.getElementById('root')
if (root === null) throw new TypeError('no root')

createRoot(root).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
    <QueryClientProvider client={createQueries()}>
      <Language>
        <App />
      </Language>
    </QueryClientProvider>
  </MantineProvider>,
)

keepProgramForOffline()
