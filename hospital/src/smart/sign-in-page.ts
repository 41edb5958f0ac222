/**
 * The page on which a person signs in to an app: a code, and what to do with it. Nothing from elsewhere. One script, named by
 * its hash, asks whether the person has answered: a page that loads itself again would take the focus away each time
 * (WCAG 2.2.1). Without scripts it does that.
 *
 * @module
 */
import { createHash } from 'node:crypto'

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b2430;background:#fff}
code{font:600 1.75rem/1.5 ui-monospace,monospace;letter-spacing:.08em}a{color:#1454a3}
@media(prefers-color-scheme:dark){body{color:#e8ecf2;background:#14181f}a{color:#8cbeff}}`
const ASK = `const ask=()=>fetch(location.pathname+'/state').then(({status})=>status===204?later():location.reload(),later)
const later=()=>setTimeout(ask,2000)
later()`
const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(ASK)}; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

export interface SignInPage {
  readonly appName: string
  readonly hospitalName: string
  readonly code: string
  /** Where the portal takes the code. */
  readonly portalUrl: string
  /** Of the browser, `Accept-Language`; English unless it begins with Chinese. */
  readonly languages?: string | undefined
}

interface Texts {
  readonly lang: string
  readonly name: string
  readonly title: (hospital: string, app: string) => string
  readonly how: string
  readonly link: string
  readonly or: string
  readonly not: string
  readonly ended: string
}

const ENGLISH: Texts = {
  lang: 'en',
  name: 'Sign in',
  title: (hospital, app) => `Open ${hospital} in ${app}?`,
  how: 'Say yes on a device that holds your key. This page goes on by itself.',
  link: 'Open the portal',
  or: 'and check what the app asks for, or run:',
  not: 'Did you not start this? Close the page; nothing was given.',
  ended: 'This sign-in has ended. Start it again in the app.',
}
const CHINESE: Texts = {
  lang: 'zh-Hans',
  name: '登录',
  title: (hospital, app) => `是否在 ${app} 中打开 ${hospital}？`,
  how: '请在存有您密钥的设备上同意。此页面会自动继续。',
  link: '打开门户',
  or: '查看应用请求的内容，或运行：',
  not: '不是您发起的？请关闭此页面；未提供任何内容。',
  ended: '此次登录已结束。请在应用中重新开始。',
}

function textsFor(languages: string | undefined): Texts {
  return /^zh\b/i.test(languages ?? '') ? CHINESE : ENGLISH
}

export function signInPage({ appName, hospitalName, code, portalUrl, languages }: SignInPage): string {
  const shown = escapeHtml((code.match(/.{1,4}/g) ?? []).join(' '))
  const { lang, name, title, how, link, or, not } = textsFor(languages)
  return `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<noscript><meta http-equiv="refresh" content="5"></noscript><title>${name} · ${escapeHtml(hospitalName)}</title><style>${STYLE}</style></head>
<body><main><h1>${title(escapeHtml(hospitalName), escapeHtml(appName))}</h1>
<p>${how}</p>
<p><code>${shown}</code></p>
<p><a href="${escapeHtml(portalUrl)}" target="_blank" rel="noopener">${link}</a> ${or}</p>
<p>trusthealth app approve ${escapeHtml(code)}</p>
<p>${not}</p></main><script>${ASK}</script></body></html>
`
}

/** In the place of the page, when nobody answered in time. */
export function endedText(languages: string | undefined): string {
  return `${textsFor(languages).ended}\n`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
