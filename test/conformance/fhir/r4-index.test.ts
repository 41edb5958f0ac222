/**
 * The exact index of one official example of each of 29 resource types, written down from the examples by hand.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { extractIndex, parseResource } from '../../../shared/fhir/src/index.ts'
import type { EhrType } from '../../../shared/fhir/src/index.ts'
import { exampleText } from './r4-package.ts'

interface Expected {
  readonly kind: EhrType
  readonly subject?: string
  readonly status?: string
  readonly title: string
  /** ISO times of the first and last millisecond. */
  readonly start?: string
  readonly end?: string
  /** `system|code|display` */
  readonly codes: readonly string[]
  readonly authors: readonly string[]
  /** Words that a full-text search must find. */
  readonly words: readonly string[]
}

const SNOMED = 'http://snomed.info/sct'
const LOINC = 'http://loinc.org'
const HL7 = 'http://terminology.hl7.org/CodeSystem'
const NDC = 'http://hl7.org/fhir/sid/ndc'

const EXPECTED: Readonly<Record<string, Expected>> = {
  'AllergyIntolerance-example': {
    kind: 'allergy',
    subject: 'Patient/example',
    status: 'active',
    title: 'Cashew nuts',
    start: '2004-01-01T00:00:00.000Z',
    end: '2004-12-31T23:59:59.999Z',
    codes: [
      `${SNOMED}|227493005|Cashew nuts`,
      'http://www.nlm.nih.gov/research/umls/rxnorm|1160593|cashew nut allergenic extract Injectable Product',
      `${SNOMED}|39579001|Anaphylactic reaction`,
      `${SNOMED}|64305001|Urticaria`,
    ],
    authors: ['Practitioner/example', 'Patient/example'],
    words: ['observed anaphylactic reaction', 'Epinephrine administered'],
  },
  'Appointment-example': {
    kind: 'encounter',
    subject: 'Patient/example',
    status: 'booked',
    title: 'Discussion on the results of your recent MRI',
    start: '2013-12-10T09:00:00.000Z',
    end: '2013-12-10T09:00:00.999Z',
    codes: [
      '|52|General Discussion',
      `${HL7}/v2-0276|FOLLOWUP|A follow up visit from a previous appointment`,
      `${SNOMED}|394814009|General practice`,
      'http://example.org/service-category|gp|General Practice',
    ],
    authors: [],
    words: ['Dr Adam Careful', 'determine the next actions'],
  },
  'AuditEvent-example-rest': {
    kind: 'other',
    subject: 'Patient/example/_history/1',
    title: 'vread',
    start: '2013-06-20T23:42:24.000Z',
    end: '2013-06-20T23:42:24.999Z',
    codes: ['http://hl7.org/fhir/restful-interaction|vread|vread', `${HL7}/audit-event-type|rest|Restful Operation`],
    authors: [],
    words: ['Grahame Grieve'],
  },
  'CarePlan-example': {
    kind: 'careplan',
    subject: 'Patient/example',
    status: 'active',
    title: 'Manage obesity and weight loss',
    end: '2017-06-01T23:59:59.999Z',
    codes: [`${LOINC}|3141-9|Weight Measured`, `${SNOMED}|27113001|Body weight`],
    authors: ['Practitioner/example'],
    words: ['Weight management plan', 'Obesity'],
  },
  'ClinicalImpression-example': {
    kind: 'condition',
    subject: 'Patient/example',
    status: 'completed',
    title: 'This 26 yo male patient is brought into ER by ambulance after being involved in a motor vehicle accident',
    start: '2014-12-06T09:00:00.000Z',
    end: '2014-12-06T11:33:00.999Z',
    codes: ['http://hl7.org/fhir/sid/icd-9|850.0|'],
    authors: ['Practitioner/example'],
    words: ['traumatic brain injury', 'decreased level of consciousness'],
  },
  'Communication-example': {
    kind: 'other',
    subject: 'Patient/example',
    status: 'completed',
    title: 'Alert',
    start: '2014-12-13T02:01:10.000Z',
    end: '2014-12-13T02:01:10.999Z',
    codes: ['http://acme.org/messagetypes|Alert|'],
    authors: ['Device/f001'],
    words: ['very high serum potassium value'],
  },
  'Composition-example': {
    kind: 'document',
    subject: 'Patient/xcda',
    status: 'final',
    title: 'Consultation Note',
    start: '2012-01-04T09:10:14.000Z',
    end: '2012-01-04T09:10:14.999Z',
    codes: [
      `${LOINC}|11488-4|Consult note`,
      `${LOINC}|LP173421-1|Report`,
      `${LOINC}|11348-0|History of past illness Narrative`,
      `${LOINC}|10157-6|History of family member diseases Narrative`,
    ],
    authors: ['Practitioner/xcda-author'],
    words: ['Harold Hippocrates, MD', 'History of present illness'],
  },
  'Condition-f201': {
    kind: 'condition',
    subject: 'Patient/f201',
    status: 'resolved',
    title: 'Fever',
    start: '2013-04-02T00:00:00.000Z',
    end: '2013-04-02T23:59:59.999Z',
    codes: [`${SNOMED}|386661006|Fever`, `${SNOMED}|55607006|Problem`, `${HL7}/condition-category|problem-list-item|`],
    authors: ['Practitioner/f201'],
    words: ['Entire body as a whole', 'Temperature'],
  },
  'Consent-consent-example-basic': {
    kind: 'consent',
    subject: 'Patient/f001',
    status: 'active',
    title: 'patient-privacy',
    start: '2016-05-11T00:00:00.000Z',
    end: '2016-05-11T23:59:59.999Z',
    codes: [`${LOINC}|59284-0|`, `${HL7}/consentscope|patient-privacy|`],
    authors: [],
    words: ['Patient "P. van de Heuvel" wishes to have all of the PHI'],
  },
  'Coverage-9876B1': {
    kind: 'other',
    subject: 'Patient/4',
    status: 'active',
    title: 'extended healthcare',
    start: '2011-05-23T00:00:00.000Z',
    end: '2012-05-23T23:59:59.999Z',
    codes: [`${HL7}/v3-ActCode|EHCPOL|extended healthcare`],
    authors: [],
    words: ["Corporate Baker's Inc. Local #35"],
  },
  'DiagnosticReport-ultrasound': {
    kind: 'imaging',
    subject: 'Patient/example',
    status: 'final',
    title: 'Abdominal Ultrasound',
    start: '2012-12-01T11:00:00.000Z',
    end: '2012-12-01T11:00:00.999Z',
    codes: [`${SNOMED}|45036003|Ultrasonography of abdomen`, `${SNOMED}|394914008|Radiology`, `${HL7}/v2-0074|RAD|`],
    authors: ['Practitioner/example'],
    words: ['Unremarkable study', 'A comment about the image'],
  },
  'DocumentReference-example': {
    kind: 'document',
    subject: 'Patient/xcda',
    status: 'current',
    title: 'Physical',
    start: '2005-12-23T22:43:41.000Z',
    end: '2005-12-23T22:43:41.999Z',
    codes: [
      `${LOINC}|34108-1|Outpatient Note`,
      'http://ihe.net/xds/connectathon/classCodes|History and Physical|History and Physical',
    ],
    authors: ['Practitioner/xcda1', 'Organization/f001'],
    words: ['Smitty', 'very restricted'],
  },
  'Encounter-f001': {
    kind: 'encounter',
    subject: 'Patient/f001',
    status: 'finished',
    title: 'Patient-initiated encounter',
    codes: [
      `${SNOMED}|270427003|Patient-initiated encounter`,
      `${HL7}/v3-ActCode|AMB|ambulatory`,
      `${SNOMED}|34068001|Heart valve replacement`,
    ],
    authors: ['Practitioner/f002'],
    words: ['Burgers University Medical Center', 'P. Voigt'],
  },
  'EpisodeOfCare-example': {
    kind: 'encounter',
    subject: 'Patient/example',
    status: 'active',
    title: 'Home and Community Care',
    start: '2014-09-01T00:00:00.000Z',
    codes: [`${HL7}/episodeofcare-type|hacc|Home and Community Care`],
    authors: ['Practitioner/14'],
    words: ['Amanda Assigned'],
  },
  'FamilyMemberHistory-father': {
    kind: 'condition',
    subject: 'Patient/example',
    status: 'completed',
    title: 'father',
    start: '2011-03-18T00:00:00.000Z',
    end: '2011-03-18T23:59:59.999Z',
    codes: [`${SNOMED}|315619001|Myocardial Infarction`, `${HL7}/v3-RoleCode|FTH|father`],
    authors: [],
    words: ['Heart Attack', 'Was fishing at the time'],
  },
  'Goal-example': {
    kind: 'careplan',
    subject: 'Patient/example',
    status: 'on-hold',
    title: 'Target weight is 160 to 180 lbs.',
    start: '2015-04-05T00:00:00.000Z',
    end: '2015-04-05T23:59:59.999Z',
    codes: [`${HL7}/goal-category|dietary|`],
    authors: ['Patient/example'],
    words: ['obesity condition'],
  },
  'ImagingStudy-example': {
    kind: 'imaging',
    subject: 'Patient/dicom',
    status: 'available',
    title: 'CT Surview 180',
    start: '2011-01-01T08:01:20.000Z',
    end: '2011-01-01T08:01:20.999Z',
    codes: ['http://dicom.nema.org/resources/ontology/DCM|CT|', `${SNOMED}|67734004|Upper Trunk Structure`],
    authors: [],
    words: ['CT Surview 180'],
  },
  'Immunization-example': {
    kind: 'immunization',
    subject: 'Patient/example',
    status: 'completed',
    title: 'Fluvax (Influenza)',
    start: '2013-01-10T00:00:00.000Z',
    end: '2013-01-10T23:59:59.999Z',
    codes: ['urn:oid:1.2.36.1.2001.1005.17|FLUVAX|'],
    authors: ['Practitioner/example'],
    words: ['Notes on adminstration of vaccine', 'left arm'],
  },
  'MedicationAdministration-medadmin0301': {
    kind: 'medicine',
    subject: 'Patient/pat1',
    status: 'in-progress',
    title: 'Vancomycin Hydrochloride (VANCOMYCIN HYDROCHLORIDE)',
    start: '2015-01-15T13:30:00.000Z',
    codes: [`${NDC}|0069-2587-10|Vancomycin Hydrochloride (VANCOMYCIN HYDROCHLORIDE)`],
    authors: ['Practitioner/f007'],
    words: ['Given as Ordered', 'Patrick Pump'],
  },
  'MedicationDispense-meddisp0301': {
    kind: 'medicine',
    subject: 'Patient/pat1',
    status: 'in-progress',
    title: 'Vancomycin Hydrochloride (VANCOMYCIN HYDROCHLORIDE)',
    start: '2015-01-15T10:20:00.000Z',
    end: '2015-01-15T10:20:00.999Z',
    codes: [
      `${NDC}|0069-2587-10|Vancomycin Hydrochloride (VANCOMYCIN HYDROCHLORIDE)`,
      `${HL7}/v3-ActCode|EM|Emergency Supply`,
    ],
    authors: ['Practitioner/f006'],
    words: ['500mg IV q6h x 3 days', 'Pharmacy'],
  },
  'MedicationRequest-medrx0301': {
    kind: 'medicine',
    subject: 'Patient/pat1',
    status: 'completed',
    title: 'Oral Form Oxycodone (product)',
    start: '2015-01-15T00:00:00.000Z',
    end: '2015-01-15T23:59:59.999Z',
    codes: [
      `${SNOMED}|430127000|Oral Form Oxycodone (product)`,
      `${HL7}/medicationrequest-category|inpatient|Inpatient`,
      `${SNOMED}|297217002|Rib Pain (finding)`,
    ],
    authors: ['Practitioner/f007', 'Practitioner/f204'],
    words: ['Try another treatment first', 'Donald Duck'],
  },
  'NutritionOrder-cardiacdiet': {
    kind: 'careplan',
    subject: 'Patient/example',
    status: 'active',
    title: 'Low sodium diet',
    start: '2014-09-17T00:00:00.000Z',
    end: '2014-09-17T23:59:59.999Z',
    codes: [
      `${SNOMED}|386619000|Low sodium diet`,
      'http://goodhealthhospital.org/diet-type-codes|1040|Low Sodium Diet',
      `${SNOMED}|226208002|Fluid restricted diet`,
    ],
    authors: ['Practitioner/example'],
    words: ['maximum 400 ml fluids per meal', 'Cashew Nut'],
  },
  'Observation-blood-pressure': {
    kind: 'vital-signs',
    subject: 'Patient/example',
    status: 'final',
    title: 'Blood pressure systolic & diastolic',
    start: '2012-09-17T00:00:00.000Z',
    end: '2012-09-17T23:59:59.999Z',
    codes: [
      `${LOINC}|85354-9|Blood pressure panel with all children optional`,
      `${HL7}/observation-category|vital-signs|Vital Signs`,
      `${LOINC}|8480-6|Systolic blood pressure`,
      `${SNOMED}|271649006|Systolic blood pressure`,
      'http://acme.org/devices/clinical-codes|bp-s|Systolic Blood pressure',
      `${LOINC}|8462-4|Diastolic blood pressure`,
    ],
    authors: ['Practitioner/example'],
    words: ['Below low normal', 'Right arm'],
  },
  'Observation-f001': {
    kind: 'lab',
    subject: 'Patient/f001',
    status: 'final',
    title: 'Glucose [Moles/volume] in Blood',
    start: '2013-04-02T08:30:10.000Z',
    codes: [`${LOINC}|15074-8|Glucose [Moles/volume] in Blood`],
    authors: ['Practitioner/f005'],
    words: ['9:30:10 AM --> (ongoing)', 'A. Langeveld'],
  },
  'Patient-example': {
    kind: 'other',
    subject: 'Patient/example',
    title: 'Peter James Chalmers',
    codes: [],
    authors: [],
    words: ['Chalmers', 'Jim', 'du Marché'],
  },
  'Procedure-f201': {
    kind: 'procedure',
    subject: 'Patient/f201',
    status: 'completed',
    title: 'Chemotherapy',
    start: '2013-01-28T12:31:00.000Z',
    end: '2013-01-28T13:27:00.999Z',
    codes: [`${SNOMED}|367336001|Chemotherapy`, `${SNOMED}|272676008|Sphenoid bone`],
    authors: ['Practitioner/f201'],
    words: ['Eerste neo-adjuvante TPF-kuur', 'Medical oncologist'],
  },
  'Provenance-example': {
    kind: 'other',
    title: 'Referral',
    start: '2015-06-27T00:00:00.000Z',
    end: '2015-06-28T23:59:59.999Z',
    codes: [`${SNOMED}|3457005|Referral`],
    authors: ['Practitioner/xcda-author', 'Device/software'],
    words: ['CDA Document in XDS repository'],
  },
  'QuestionnaireResponse-bb': {
    kind: 'document',
    subject: 'http://hl7.org/fhir/Patient/1',
    status: 'completed',
    title: 'Questionnaire response',
    start: '2013-02-19T04:15:00.000Z',
    end: '2013-02-19T04:15:00.999Z',
    codes: [],
    authors: ['http://hl7.org/fhir/Practitioner/example'],
    words: ['Already able to speak Chinese', 'Cathy Jones'],
  },
  'ServiceRequest-lipid': {
    kind: 'procedure',
    subject: 'Patient/example',
    status: 'active',
    title: 'Lipid Panel',
    start: '2013-05-02T23:16:00.000Z',
    end: '2013-05-02T23:16:00.999Z',
    codes: ['http://acme.org/tests|LIPID|', 'http://hl7.org/fhir/sid/icd-9|V173|Fam hx-ischem heart dis'],
    authors: ['Practitioner/example', 'Practitioner/f202'],
    words: ['Fasting status', 'Serum sample'],
  },
  'Specimen-101': {
    kind: 'lab',
    subject: 'Patient/example',
    status: 'available',
    title: 'Venous blood specimen',
    start: '2011-05-30T06:15:00.000Z',
    end: '2011-05-30T06:15:00.999Z',
    codes: [`${SNOMED}|122555007|Venous blood specimen`],
    authors: ['Practitioner/example'],
    words: ['Specimen is grossly lipemic', 'Right median cubital vein'],
  },
}

describe('the index of the official example', () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(name, () => {
      const { narrativeText, ...index } = extractIndex(parseResource(exampleText(name)))
      assert.deepEqual(index, {
        resourceType: name.split('-')[0],
        ehrType: expected.kind,
        ...(expected.subject === undefined ? {} : { subjectReference: expected.subject }),
        codes: expected.codes.map((text) => {
          const [system, code, display] = text.split('|')
          return display === '' ? { system, code } : { system, code, display }
        }),
        ...(expected.start === undefined ? {} : { dateStartMs: Date.parse(expected.start) }),
        ...(expected.end === undefined ? {} : { dateEndMs: Date.parse(expected.end) }),
        ...(expected.status === undefined ? {} : { status: expected.status }),
        title: expected.title,
        authorReferences: expected.authors,
      })
      for (const words of expected.words) assert.ok(narrativeText.includes(words), words)
    })
  }

  it('is written down for 29 types', () => {
    assert.equal(new Set(Object.keys(EXPECTED).map((name) => name.split('-')[0])).size, 29)
  })
})
