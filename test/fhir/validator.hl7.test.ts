/** HL7's Java validator, with R4's own definitions, accepts everything that the façade makes by itself. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { RecordId } from '../../shared/protocol/src/index.ts'
import { ROOT } from '../../tools/files.ts'
import { hba1c, idsOf, openFhirScene, type Bundle, type ResourceName } from './scene.ts'

const SOURCE = join(ROOT, 'test/fhir/hl7-validator')
const BUILD = join(ROOT, 'build/hl7-validator')

interface AuditEvent {
  readonly meta?: { readonly profile?: readonly string[] }
  readonly outcome: string
  readonly agent: readonly { readonly altId?: string }[]
}

interface Finding {
  readonly what: string
  readonly place: string
  readonly message: string
}

describe('HL7’s validator', { timeout: 900_000 }, () => {
  const made = new Map<string, string>()

  before(async () => {
    buildValidator()
    await using scene = await openFhirScene({ hospital: { fhirDelete: 'request-erase' } })
    const { fhir, bob, world } = scene
    const take = async (what: string, method: string, path: string, body?: object) => {
      const { text, json } = await fhir(method, path, body)
      assert.ok((json as ResourceName | undefined)?.resourceType !== undefined, what)
      made.set(what, JSON.stringify(JSON.parse(text)))
      return json
    }
    const alice = await world.doctor('alice')
    await world.permit(bob, [alice])
    const given = await bob.giveAccess({
      grantee: alice.ref,
      scope: ['lab'],
      untilMs: world.clock.nowMs() + 86_400_000,
    })
    const id = 'checked'
    await take('created', 'PUT', `/Observation/${id}`, hba1c(bob.ref, 47, { id }))
    await take('updated', 'PUT', `/Observation/${id}`, hba1c(bob.ref, 48, { id }))
    await bob.records()
    await take('CapabilityStatement', 'GET', '/metadata')
    await take(
      'search',
      'GET',
      `/Observation?patient=${bob.ref}&_count=1&_include=Observation:subject&_revinclude=Provenance:target`,
    )
    await take('search with a warning', 'GET', '/Observation?colour=red')
    await take('history', 'GET', `/Observation/${id}/_history`)
    await take('everything', 'GET', `/Patient/${bob.ref}/$everything`)
    await take('Patient', 'GET', `/Patient/${bob.ref}`)
    await take('Practitioner', 'GET', `/Practitioner/${alice.ref}`)
    await take('Organization', 'GET', `/Organization/${world.hospitalRef('a')}`)
    await take('Consent of a grant', 'GET', `/Consent/${given.jti}`)
    const [stored] = idsOf(await fhir('GET', `/Provenance?target=Observation/${id}`))
    const record = stored?.split('.')[0] as RecordId
    for (const [what, only] of [
      ['that keeps a record back', { except: [record] }],
      ['of one record and its dates', { records: [record], datesFromMs: 1, datesToMs: world.clock.nowMs() }],
    ] as const) {
      const terms = { grantee: alice.ref, scope: ['lab'], untilMs: world.clock.nowMs() + 86_400_000 }
      const { jti } = await bob.giveAccess({ ...terms, ...only })
      await take(`Consent of a grant ${what}`, 'GET', `/Consent/${jti}`)
    }
    const consents = (await take('Consents', 'GET', `/Consent?patient=${bob.ref}`)) as Bundle
    // Of each pattern: stored, read (by an app through the hospital, by a doctor), listed, erased, refused.
    const ehr = new TextEncoder().encode(JSON.stringify(hba1c(bob.ref, 50)))
    const permitted = await world.permit(bob, [alice])
    const { recordId } = await alice.store({ patient: bob.ref, warrant: permitted.warrant, ehr })
    await alice.read(recordId)
    await bob.erase(recordId, (await bob.read(recordId)).commitment.ehrHash)
    await assert.rejects((await world.doctor('dana')).read(recordId))
    await take('AuditEvents', 'GET', `/AuditEvent?patient=${bob.ref}&_count=200`)
    await take('verification', 'GET', `/Observation/${id}/$verify`)
    await take('Task', 'GET', `/Task?patient=${bob.ref}`)
    const proof = (await take('Provenances', 'GET', `/Provenance?target=Observation/${id}`)) as Bundle
    await take('Binary', 'GET', `/Binary/${proof.entry?.[0]?.resource?.id ?? ''}?_format=json`)
    const warrant = consents.entry?.find(({ resource }) => resource?.id.startsWith('w-') === true)?.resource
    assert.ok(warrant !== undefined)
    const { id: _id, meta: _meta, identifier: _identifier, ...terms } = warrant
    const proposed = (await take('proposed Consent', 'POST', '/Consent', {
      ...terms,
      status: 'proposed',
    })) as ResourceName
    await take('terms', 'GET', `/Consent/${proposed.id}/$terms`)
    await take('OperationOutcome', 'GET', '/Observation/nothing')
    const entry = [
      {
        fullUrl: 'urn:uuid:6f1ed002-ab5b-4f8b-9f2e-0d6a1c3a5f11',
        resource: { resourceType: 'Location', name: 'x' },
        request: { method: 'POST', url: 'Location' },
      },
      { request: { method: 'GET', url: `Observation/${id}` } },
    ]
    await take('transaction-response', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
    await take('batch-response', 'POST', '', {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [...entry, { request: { method: 'GET', url: 'Observation/nothing' } }],
    })
    await fhir('PUT', '/Patient/new', { resourceType: 'Patient', id: 'new' })
    await take('invitation', 'POST', '/Patient/new/$invite')
    await take('deletion', 'DELETE', `/Observation/${id}`)
    await take('Tasks', 'GET', `/Task?patient=${bob.ref}`)
    await take('history after deletion', 'GET', `/Observation/${id}/_history`)
  })

  it('finds no error in what the façade makes', () => {
    assert.ok(made.size >= 20)
    assert.deepEqual(validate(made), [])
  })

  it('looked at every pattern of BALP, with the person or app behind the hospital', () => {
    const { entry = [] } = JSON.parse(made.get('AuditEvents') ?? '{}') as Bundle
    const events = entry.flatMap(({ resource }) => (resource === undefined ? [] : [resource as unknown as AuditEvent]))
    const profiles = new Set(events.flatMap(({ meta }) => meta?.profile?.[0]?.split('.').at(-1) ?? []))
    assert.deepEqual([...profiles].toSorted(), ['PatientCreate', 'PatientDelete', 'PatientQuery', 'PatientRead'])
    assert.ok(events.some(({ outcome, meta }) => outcome === '4' && meta?.profile === undefined))
    assert.ok(events.some(({ agent }) => agent.some(({ altId }) => altId === 'practice')))
  })

  it('finds what breaks a pattern of BALP', () => {
    const { entry = [] } = JSON.parse(made.get('AuditEvents') ?? '{}') as Bundle
    const good = entry.find(({ resource }) => JSON.stringify(resource).includes('PatientRead'))?.resource
    assert.ok(good !== undefined)
    const { agent } = good as unknown as AuditEvent
    const without = (i: number) => JSON.stringify({ ...good, agent: agent.filter((_, at) => at !== i) })
    for (const [name, text] of [
      ['no client', without(0)],
      ['no server', without(1)],
      ['refused', JSON.stringify({ ...good, outcome: '4' })],
    ] as const) {
      assert.ok(validate(new Map([[name, text]])).length > 0, name)
    }
  })

  it('finds the errors of what is wrong', () => {
    const wrong = validate(new Map([['wrong', '{"resourceType":"Observation","status":"wrong"}']]))
    assert.ok(wrong.some(({ place }) => place.startsWith('Observation')))
  })
})

/** Fetches HL7's libraries from Maven's central repository once, and compiles the few lines around them. */
function buildValidator(): void {
  mkdirSync(join(BUILD, 'classes'), { recursive: true })
  const lib = join(BUILD, 'lib')
  run('mvn', ['-B', '-q', '-f', join(SOURCE, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`])
  run('javac', ['-cp', join(lib, '*'), '-d', join(BUILD, 'classes'), join(SOURCE, 'src/main/java/Validate.java')])
}

function validate(resources: ReadonlyMap<string, string>): Finding[] {
  const names = [...resources.keys()]
  const classPath = [join(BUILD, 'lib', '*'), join(BUILD, 'classes')].join(delimiter)
  const output = run(
    'java',
    ['-cp', classPath, 'Validate', join(SOURCE, 'balp')],
    `${[...resources.values()].join('\n')}\n`,
  )
  const lines = output.trimEnd().split('\n')
  // It looked at all of them: a validator that saw nothing finds nothing either.
  assert.equal(lines.at(-1), `validated ${names.length}`)
  return lines.slice(0, -1).map((line) => {
    const [number = '', place = '', message = ''] = line.split('\t')
    return { what: names[Number(number) - 1] ?? '', place, message }
  })
}

function run(command: string, parameters: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(command, parameters, { input, encoding: 'utf8', maxBuffer: 2 ** 28 })
  assert.equal(status, 0, `${command}: ${stderr.slice(-2_000)}`)
  return stdout
}
