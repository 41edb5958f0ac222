/** Pages end where they would be too large, whatever was asked for, and say where the next one starts. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MAX_PAGE_BYTES } from '../../hospital/src/fhir/limits.ts'
import { hba1c, idsOf, openFhirScene, storeLarge, type Answer, type Bundle, type FhirScene } from './scene.ts'

const LARGE = 8

const names = Array.from({ length: LARGE }, (_, i) => `large-${i}`)
const nextOf = ({ json }: Answer) => (json as Bundle).link?.find(({ relation }) => relation === 'next')?.url

describe('large pages', () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene()
    for (const id of names) await storeLarge(scene, id)
  })
  after(() => scene[Symbol.asyncDispose]())

  /** Every page from the first on; each is within the limit. */
  async function pagesOf(path: string): Promise<readonly Answer[]> {
    const pages: Answer[] = []
    for (let next: string | undefined = path; next !== undefined; next = nextOf(pages.at(-1) as Answer)) {
      const page = await scene.fhir('GET', next)
      assert.equal(page.status, 200, page.text.slice(0, 300))
      assert.ok(page.text.length < MAX_PAGE_BYTES + 2 ** 20, `${page.text.length} bytes`)
      pages.push(page)
    }
    return pages
  }

  it('a search with a large _count is answered in several pages, nothing twice and nothing left out', async () => {
    const pages = await pagesOf(`/DocumentReference?patient=${scene.bob.ref}&_count=1000`)
    assert.ok(pages.length > 1)
    assert.deepEqual(pages.flatMap((page) => idsOf(page)).toSorted(), names)
    for (const { json } of pages) assert.equal((json as Bundle).total, LARGE)
  })

  it('$everything too', async () => {
    const pages = await pagesOf(`/Patient/${scene.bob.ref}/$everything?_count=1000`)
    assert.ok(pages.length > 1)
    const ids = pages.flatMap((page) => idsOf(page))
    assert.deepEqual(ids.filter((id) => id.startsWith('large')).toSorted(), names)
  })

  it('what comes along and is too large for the page is named as left out', async () => {
    const { bob, fhir } = scene
    const related = names.map((id) => ({ reference: `DocumentReference/${id}` }))
    await fhir('PUT', '/Observation/related', hba1c(bob.ref, 1, { id: 'related', derivedFrom: related }))
    const { json } = await fhir('GET', '/Observation?_id=related&_include=Observation:derived-from')
    const { entry = [] } = json as Bundle
    const included = entry.filter(({ search }) => search?.mode === 'include').length
    assert.ok(included > 0 && included < LARGE)
    const outcome = entry.find(({ search }) => search?.mode === 'outcome')?.resource as unknown as {
      readonly issue: readonly { readonly code: string; readonly diagnostics: string }[]
    }
    assert.equal(outcome.issue[0]?.code, 'too-costly')
    assert.match(outcome.issue[0]?.diagnostics ?? '', new RegExp(`^${LARGE - included} `))
  })

  it('a history in several pages has a link to the next one', async () => {
    const { bob, fhir } = scene
    for (const value of [1, 2, 3]) await fhir('PUT', '/Observation/often', hba1c(bob.ref, value, { id: 'often' }))
    const pages = await pagesOf('/Observation/often/_history?_count=2')
    const versions = pages.map(({ json }) => ((json as Bundle).entry ?? []).map(({ response }) => response?.etag))
    assert.deepEqual(versions, [['W/"3"', 'W/"2"'], ['W/"1"']])
  })
})
