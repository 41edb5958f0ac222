/**
 * Results that a patient may want to hear from a person first. The portal shows that one is there and opens it on the
 * patient's own choice; nothing is withheld. `sensitiveResults` in `hospital.json` replaces this list.
 *
 * Codes of LOINC and of HL7's security labels (v3-ActCode), each as `system|code`. A start: a hospital knows its own codes.
 *
 * @module
 */
const LOINC = 'http://loinc.org'
const LABEL = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'

export const SENSITIVE_RESULTS: readonly string[] = [
  `${LOINC}|22637-3`, // pathology report, final diagnosis
  `${LOINC}|11526-1`, // pathology study
  `${LOINC}|60568-3`, // pathology synoptic report
  `${LOINC}|51969-4`, // genetic analysis report
  `${LOINC}|21636-6`, // BRCA1 gene mutations found
  `${LOINC}|56888-1`, // HIV 1 and 2 antibodies and p24 antigen
  `${LOINC}|75622-1`, // HIV 1 and 2 tests
  `${LABEL}|HIV`,
  `${LABEL}|GDIS`, // genetic disease
  `${LABEL}|PSY`, // psychiatry
]
