/**
 * The page on which a person signs in to an app: a code, and what to do with it. No script, nothing from elsewhere; the
 * page asks again by itself until the person has said yes or no.
 *
 * @module
 */
import { createHash } from 'node:crypto'

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b2430;background:#fff}
code{font:600 1.75rem/1.5 ui-monospace,monospace;letter-spacing:.08em}a{color:#1454a3}
@media(prefers-color-scheme:dark){body{color:#e8ecf2;background:#14181f}a{color:#8cbeff}}`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

export interface SignInPage {
  readonly appName: string
  readonly hospitalName: string
  readonly code: string
  /** Where the portal takes the code. */
  readonly portalUrl: string
}

export function signInPage({ appName, hospitalName, code, portalUrl }: SignInPage): string {
  const shown = escapeHtml((code.match(/.{1,4}/g) ?? []).join(' '))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="2"><title>Sign in · ${escapeHtml(hospitalName)}</title><style>${STYLE}</style></head>
<body><main><h1>Open ${escapeHtml(hospitalName)} in ${escapeHtml(appName)}?</h1>
<p>Say yes on a device that holds your key. This page goes on by itself.</p>
<p><code>${shown}</code></p>
<p><a href="${escapeHtml(portalUrl)}" target="_blank" rel="noopener">Open the portal</a> and check what the app asks for, or run:</p>
<p>trusthealth app approve ${escapeHtml(code)}</p>
<p>Did you not start this? Close the page; nothing was given.</p></main></body></html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
