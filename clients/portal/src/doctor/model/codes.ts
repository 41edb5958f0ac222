/**
 * A short list of what doctors write most, with codes: LOINC for observations, ICD-10-CM (public domain) for conditions.
 * Whatever is not in it is written as text, without a code: better no code than a wrong one.
 *
 * LOINC codes are used under the LOINC licence (https://loinc.org/license): © Regenstrief Institute.
 *
 * @module
 */
export interface CodedConcept {
  readonly system: string
  readonly code: string
  readonly display: string
}

export const LOINC = 'http://loinc.org'
export const ICD_10_CM = 'http://hl7.org/fhir/sid/icd-10-cm'
export const UCUM = 'http://unitsofmeasure.org'

/** A unit: its UCUM code and how people write it. */
export interface Unit {
  readonly ucum: string
  readonly print: string
}

export interface ObservationKind extends CodedConcept {
  /** Short name, as doctors say it. */
  readonly name: string
  readonly category: 'laboratory' | 'vital-signs'
  /** The first is offered first. */
  readonly units: readonly Unit[]
  /** Two numbers under one name, such as blood pressure. */
  readonly parts?: readonly { readonly name: string; readonly code: string; readonly display: string }[]
}

const unit = (ucum: string, print = ucum): Unit => ({ ucum, print })
const lab = (code: string, name: string, display: string, ...units: readonly Unit[]): ObservationKind => ({
  system: LOINC,
  code,
  name,
  display,
  category: 'laboratory',
  units,
})
const vital = (code: string, name: string, display: string, ...units: readonly Unit[]): ObservationKind => ({
  ...lab(code, name, display, ...units),
  category: 'vital-signs',
})

const MMOL_L = unit('mmol/L')
const MG_DL = unit('mg/dL')
const U_L = unit('U/L')

export const OBSERVATION_KINDS: readonly ObservationKind[] = [
  {
    ...vital('85354-9', 'Blood pressure', 'Blood pressure panel with all children optional', unit('mm[Hg]', 'mmHg')),
    parts: [
      { name: 'Systolic', code: '8480-6', display: 'Systolic blood pressure' },
      { name: 'Diastolic', code: '8462-4', display: 'Diastolic blood pressure' },
    ],
  },
  vital('8867-4', 'Heart rate', 'Heart rate', unit('/min')),
  vital('9279-1', 'Breathing rate', 'Respiratory rate', unit('/min')),
  vital('8310-5', 'Body temperature', 'Body temperature', unit('Cel', '°C'), unit('[degF]', '°F')),
  vital('59408-5', 'Oxygen saturation', 'Oxygen saturation in Arterial blood by Pulse oximetry', unit('%')),
  vital('29463-7', 'Body weight', 'Body weight', unit('kg'), unit('[lb_av]', 'lb')),
  vital('8302-2', 'Body height', 'Body height', unit('cm'), unit('m')),
  vital('39156-5', 'Body mass index', 'Body mass index (BMI) [Ratio]', unit('kg/m2', 'kg/m²')),
  lab('59261-8', 'HbA1c', 'Hemoglobin A1c/Hemoglobin.total in Blood by IFCC protocol', unit('mmol/mol')),
  lab('4548-4', 'HbA1c (percent)', 'Hemoglobin A1c/Hemoglobin.total in Blood', unit('%')),
  lab('15074-8', 'Glucose, blood', 'Glucose [Moles/volume] in Blood', MMOL_L),
  lab('2339-0', 'Glucose, blood (mass)', 'Glucose [Mass/volume] in Blood', MG_DL),
  lab('718-7', 'Haemoglobin', 'Hemoglobin [Mass/volume] in Blood', unit('g/dL'), unit('g/L')),
  lab('4544-3', 'Haematocrit', 'Hematocrit [Volume Fraction] of Blood by Automated count', unit('%')),
  lab('6690-2', 'Leukocytes', 'Leukocytes [#/volume] in Blood by Automated count', unit('10*9/L', '×10⁹/L')),
  lab('789-8', 'Erythrocytes', 'Erythrocytes [#/volume] in Blood by Automated count', unit('10*12/L', '×10¹²/L')),
  lab('777-3', 'Platelets', 'Platelets [#/volume] in Blood by Automated count', unit('10*9/L', '×10⁹/L')),
  lab('14682-9', 'Creatinine', 'Creatinine [Moles/volume] in Serum or Plasma', unit('umol/L', 'µmol/L')),
  lab('2160-0', 'Creatinine (mass)', 'Creatinine [Mass/volume] in Serum or Plasma', MG_DL),
  lab('2951-2', 'Sodium', 'Sodium [Moles/volume] in Serum or Plasma', MMOL_L),
  lab('2823-3', 'Potassium', 'Potassium [Moles/volume] in Serum or Plasma', MMOL_L),
  lab('14647-2', 'Cholesterol', 'Cholesterol [Moles/volume] in Serum or Plasma', MMOL_L),
  lab('2093-3', 'Cholesterol (mass)', 'Cholesterol [Mass/volume] in Serum or Plasma', MG_DL),
  lab('2085-9', 'HDL cholesterol (mass)', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma', MG_DL),
  lab('1742-6', 'ALT', 'Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma', U_L),
  lab('1920-8', 'AST', 'Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma', U_L),
  lab('1988-5', 'CRP', 'C reactive protein [Mass/volume] in Serum or Plasma', unit('mg/L')),
  lab('3016-3', 'TSH', 'Thyrotropin [Units/volume] in Serum or Plasma', unit('m[IU]/L', 'mIU/L')),
]

const icd = (code: string, display: string): CodedConcept => ({ system: ICD_10_CM, code, display })

export const CONDITIONS: readonly CodedConcept[] = [
  icd('A09', 'Infectious gastroenteritis and colitis, unspecified'),
  icd('B34.9', 'Viral infection, unspecified'),
  icd('D50.9', 'Iron deficiency anemia, unspecified'),
  icd('E03.9', 'Hypothyroidism, unspecified'),
  icd('E11.9', 'Type 2 diabetes mellitus without complications'),
  icd('E66.9', 'Obesity, unspecified'),
  icd('E78.5', 'Hyperlipidemia, unspecified'),
  icd('F41.9', 'Anxiety disorder, unspecified'),
  icd('I10', 'Essential (primary) hypertension'),
  icd('I25.10', 'Atherosclerotic heart disease of native coronary artery without angina pectoris'),
  icd('I48.91', 'Unspecified atrial fibrillation'),
  icd('I50.9', 'Heart failure, unspecified'),
  icd('I63.9', 'Cerebral infarction, unspecified'),
  icd('J06.9', 'Acute upper respiratory infection, unspecified'),
  icd('J18.9', 'Pneumonia, unspecified organism'),
  icd('J44.9', 'Chronic obstructive pulmonary disease, unspecified'),
  icd('J45.909', 'Unspecified asthma, uncomplicated'),
  icd('K21.9', 'Gastro-esophageal reflux disease without esophagitis'),
  icd('L20.9', 'Atopic dermatitis, unspecified'),
  icd('N18.9', 'Chronic kidney disease, unspecified'),
  icd('N39.0', 'Urinary tract infection, site not specified'),
  icd('R07.9', 'Chest pain, unspecified'),
  icd('R50.9', 'Fever, unspecified'),
  icd('U07.1', 'COVID-19'),
]

/** Concepts whose words or code contain every word of the question, those that begin with it first. */
export function findConcepts<T extends CodedConcept & { readonly name?: string }>(
  all: readonly T[],
  question: string,
  limit = 8,
): readonly T[] {
  const words = question
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const matches = all.flatMap((one, index) => {
    const text = `${one.name ?? ''} ${one.display} ${one.code}`.toLowerCase()
    if (!words.every((word) => text.includes(word))) return []
    const begins = words[0] !== undefined && text.trimStart().startsWith(words[0])
    return [{ one, rank: begins ? 0 : 1, index }]
  })
  return matches
    .toSorted((a, b) => a.rank - b.rank || a.index - b.index)
    .slice(0, limit)
    .map(({ one }) => one)
}
