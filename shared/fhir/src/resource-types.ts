/**
 * The 146 resource types of FHIR R4, and everything the index needs to know about one of them, in one row.
 *
 * `subject`, `codes`, `dates` and `authors` are element paths, best first, separated by spaces; `[x]` stands for each
 * type of a choice element. `subject` lists the elements that put a resource into the compartment of the patient it is
 * about (R4 CompartmentDefinition/patient), without those that make the patient only a performer or recipient.
 * The conformance tests compare the rows with R4's own StructureDefinitions and SearchParameters.
 *
 * @module
 */
import type { EhrType } from './ehr-type.ts'

/** One row as it is written below. */
interface ResourceTypeRow {
  /** The kind of the type; `other` if absent. Observation and DiagnosticReport are told apart by ehr-type-of.ts. */
  readonly kind?: EhrType
  readonly subject?: string
  readonly codes?: string
  readonly dates?: string
  readonly authors?: string
  /** Elements that name the resource, before its codes are tried. */
  readonly title?: string
  /** The element that holds the status; `status` if absent. */
  readonly status?: string
}

// One type, one line.
// prettier-ignore
const ROWS = {
  Account: { subject: 'subject', codes: 'type', dates: 'servicePeriod', title: 'name description' },
  ActivityDefinition: {},
  AdverseEvent: { kind: 'condition', subject: 'subject', codes: 'event category', dates: 'date detected recordedDate', authors: 'recorder contributor', status: 'actuality' },
  AllergyIntolerance: { kind: 'allergy', subject: 'patient', codes: 'code reaction.substance reaction.manifestation', dates: 'onset[x] recordedDate', authors: 'recorder asserter', status: 'clinicalStatus' },
  Appointment: { kind: 'encounter', subject: 'participant.actor', codes: 'serviceType appointmentType specialty serviceCategory', dates: 'start requestedPeriod', title: 'description' },
  AppointmentResponse: { kind: 'encounter', subject: 'actor', codes: 'participantType', dates: 'start', authors: 'actor', title: 'comment', status: 'participantStatus' },
  AuditEvent: { subject: 'agent.who entity.what', codes: 'subtype type', dates: 'recorded period', authors: 'agent.who' },
  Basic: { subject: 'subject', codes: 'code', dates: 'created', authors: 'author' },
  Binary: { kind: 'document' },
  BiologicallyDerivedProduct: { codes: 'productCode', authors: 'collection.collector' },
  BodyStructure: { kind: 'condition', subject: 'patient', codes: 'location morphology', title: 'description' },
  Bundle: {},
  CapabilityStatement: {},
  CarePlan: { kind: 'careplan', subject: 'subject', codes: 'category activity.detail.code', dates: 'period created', authors: 'author contributor', title: 'title description' },
  CareTeam: { kind: 'careplan', subject: 'subject', codes: 'category reasonCode', dates: 'period', title: 'name' },
  CatalogEntry: {},
  ChargeItem: { subject: 'subject', codes: 'code', dates: 'occurrence[x] enteredDate', authors: 'enterer performer.actor' },
  ChargeItemDefinition: {},
  Claim: { subject: 'patient', codes: 'type subType', dates: 'billablePeriod created', authors: 'enterer provider' },
  ClaimResponse: { subject: 'patient', codes: 'type subType', dates: 'created', authors: 'requestor' },
  ClinicalImpression: { kind: 'condition', subject: 'subject', codes: 'code finding.itemCodeableConcept', dates: 'effective[x] date', authors: 'assessor', title: 'description summary' },
  CodeSystem: {},
  Communication: { subject: 'subject', codes: 'topic category reasonCode', dates: 'sent received', authors: 'sender' },
  CommunicationRequest: { subject: 'subject', codes: 'category reasonCode', dates: 'occurrence[x] authoredOn', authors: 'requester sender' },
  CompartmentDefinition: {},
  Composition: { kind: 'document', subject: 'subject', codes: 'type category section.code', dates: 'date event.period', authors: 'author attester.party', title: 'title' },
  ConceptMap: {},
  Condition: { kind: 'condition', subject: 'subject', codes: 'code category', dates: 'onset[x] recordedDate', authors: 'recorder asserter', status: 'clinicalStatus' },
  Consent: { kind: 'consent', subject: 'patient', codes: 'category scope', dates: 'dateTime provision.period', authors: 'performer', title: 'scope' },
  Contract: { kind: 'consent', subject: 'subject', codes: 'type subType', dates: 'issued applies', authors: 'author', title: 'title name' },
  Coverage: { subject: 'beneficiary', codes: 'type', dates: 'period' },
  CoverageEligibilityRequest: { subject: 'patient', codes: 'item.category', dates: 'serviced[x] created', authors: 'enterer provider' },
  CoverageEligibilityResponse: { subject: 'patient', codes: 'form', dates: 'serviced[x] created', authors: 'requestor' },
  DetectedIssue: { kind: 'condition', subject: 'patient', codes: 'code', dates: 'identified[x]', authors: 'author' },
  Device: { subject: 'patient', codes: 'type', title: 'deviceName.name' },
  DeviceDefinition: {},
  DeviceMetric: { codes: 'type' },
  DeviceRequest: { kind: 'procedure', subject: 'subject', codes: 'code[x]', dates: 'occurrence[x] authoredOn', authors: 'requester performer' },
  DeviceUseStatement: { kind: 'procedure', subject: 'subject', codes: 'reasonCode bodySite', dates: 'timing[x] recordedOn', authors: 'source', title: 'device' },
  DiagnosticReport: { subject: 'subject', codes: 'code category conclusionCode', dates: 'effective[x] issued', authors: 'performer resultsInterpreter' },
  DocumentManifest: { kind: 'document', subject: 'subject', codes: 'type', dates: 'created', authors: 'author', title: 'description' },
  DocumentReference: { kind: 'document', subject: 'subject', codes: 'type category', dates: 'date context.period', authors: 'author authenticator', title: 'description content.attachment.title' },
  EffectEvidenceSynthesis: {},
  Encounter: { kind: 'encounter', subject: 'subject', codes: 'type class serviceType reasonCode', dates: 'period', authors: 'participant.individual' },
  Endpoint: {},
  EnrollmentRequest: { subject: 'candidate', dates: 'created', authors: 'provider' },
  EnrollmentResponse: { dates: 'created', authors: 'requestProvider' },
  EpisodeOfCare: { kind: 'encounter', subject: 'patient', codes: 'type', dates: 'period', authors: 'careManager' },
  EventDefinition: {},
  Evidence: {},
  EvidenceVariable: {},
  ExampleScenario: {},
  ExplanationOfBenefit: { subject: 'patient', codes: 'type subType', dates: 'billablePeriod created', authors: 'enterer provider' },
  FamilyMemberHistory: { kind: 'condition', subject: 'patient', codes: 'condition.code relationship', dates: 'date', title: 'name relationship' },
  Flag: { kind: 'condition', subject: 'subject', codes: 'code category', dates: 'period', authors: 'author' },
  Goal: { kind: 'careplan', subject: 'subject', codes: 'description category', dates: 'start[x] statusDate', authors: 'expressedBy', status: 'lifecycleStatus' },
  GraphDefinition: {},
  Group: { codes: 'code', title: 'name' },
  GuidanceResponse: { subject: 'subject', codes: 'reasonCode', dates: 'occurrenceDateTime', authors: 'performer' },
  HealthcareService: { codes: 'type category specialty', title: 'name' },
  ImagingStudy: { kind: 'imaging', subject: 'subject', codes: 'procedureCode modality series.modality series.bodySite', dates: 'started', authors: 'referrer interpreter', title: 'description procedureCode series.description' },
  Immunization: { kind: 'immunization', subject: 'patient', codes: 'vaccineCode', dates: 'occurrence[x] recorded', authors: 'performer.actor' },
  ImmunizationEvaluation: { kind: 'immunization', subject: 'patient', codes: 'targetDisease', dates: 'date', authors: 'authority' },
  ImmunizationRecommendation: { kind: 'immunization', subject: 'patient', codes: 'recommendation.vaccineCode recommendation.targetDisease', dates: 'date', authors: 'authority' },
  ImplementationGuide: {},
  InsurancePlan: {},
  Invoice: { subject: 'subject', codes: 'type', dates: 'date', authors: 'issuer participant.actor' },
  Library: {},
  Linkage: { authors: 'author' },
  List: { subject: 'subject', codes: 'code', dates: 'date', authors: 'source', title: 'title' },
  Location: { codes: 'type physicalType', title: 'name description' },
  Measure: {},
  MeasureReport: { subject: 'subject', codes: 'group.code', dates: 'date period', authors: 'reporter' },
  Media: { kind: 'imaging', subject: 'subject', codes: 'type modality view bodySite', dates: 'created[x] issued', authors: 'operator', title: 'content.title' },
  Medication: { kind: 'medicine', codes: 'code' },
  MedicationAdministration: { kind: 'medicine', subject: 'subject', codes: 'medication[x] category', dates: 'effective[x]', authors: 'performer.actor' },
  MedicationDispense: { kind: 'medicine', subject: 'subject', codes: 'medication[x] category type', dates: 'whenHandedOver whenPrepared', authors: 'performer.actor' },
  MedicationKnowledge: { codes: 'code' },
  MedicationRequest: { kind: 'medicine', subject: 'subject', codes: 'medication[x] category reasonCode', dates: 'authoredOn dosageInstruction.timing', authors: 'requester recorder performer' },
  MedicationStatement: { kind: 'medicine', subject: 'subject', codes: 'medication[x] category reasonCode', dates: 'effective[x] dateAsserted', authors: 'informationSource' },
  MedicinalProduct: {},
  MedicinalProductAuthorization: {},
  MedicinalProductContraindication: {},
  MedicinalProductIndication: {},
  MedicinalProductIngredient: {},
  MedicinalProductInteraction: {},
  MedicinalProductManufactured: {},
  MedicinalProductPackaged: {},
  MedicinalProductPharmaceutical: {},
  MedicinalProductUndesirableEffect: {},
  MessageDefinition: {},
  MessageHeader: { authors: 'author sender' },
  MolecularSequence: { kind: 'lab', subject: 'patient', authors: 'performer' },
  NamingSystem: {},
  NutritionOrder: { kind: 'careplan', subject: 'patient', codes: 'oralDiet.type supplement.type enteralFormula.baseFormulaType', dates: 'dateTime', authors: 'orderer' },
  Observation: { subject: 'subject', codes: 'code category component.code', dates: 'effective[x] issued', authors: 'performer' },
  ObservationDefinition: {},
  OperationDefinition: {},
  OperationOutcome: {},
  Organization: { codes: 'type', title: 'name' },
  OrganizationAffiliation: { codes: 'code specialty', dates: 'period' },
  Parameters: {},
  Patient: { title: 'name' },
  PaymentNotice: { dates: 'created', authors: 'provider' },
  PaymentReconciliation: { dates: 'created', authors: 'requestor' },
  Person: { subject: 'link.target', title: 'name' },
  PlanDefinition: {},
  Practitioner: { codes: 'qualification.code', title: 'name' },
  PractitionerRole: { codes: 'code specialty', dates: 'period', authors: 'practitioner' },
  Procedure: { kind: 'procedure', subject: 'subject', codes: 'code category reasonCode bodySite', dates: 'performed[x]', authors: 'performer.actor recorder asserter' },
  Provenance: { subject: 'target', codes: 'activity reason', dates: 'occurred[x] recorded', authors: 'agent.who' },
  Questionnaire: {},
  QuestionnaireResponse: { kind: 'document', subject: 'subject', dates: 'authored', authors: 'author source' },
  RelatedPerson: { subject: 'patient', codes: 'relationship', title: 'name' },
  RequestGroup: { kind: 'careplan', subject: 'subject', codes: 'code reasonCode', dates: 'authoredOn', authors: 'author', title: 'action.title' },
  ResearchDefinition: {},
  ResearchElementDefinition: {},
  ResearchStudy: { codes: 'category focus condition', dates: 'period', authors: 'principalInvestigator', title: 'title' },
  ResearchSubject: { subject: 'individual', dates: 'period' },
  RiskAssessment: { kind: 'condition', subject: 'subject', codes: 'code method prediction.outcome', dates: 'occurrence[x]', authors: 'performer' },
  RiskEvidenceSynthesis: {},
  Schedule: { subject: 'actor', codes: 'serviceType serviceCategory specialty', dates: 'planningHorizon', title: 'comment' },
  SearchParameter: {},
  ServiceRequest: { kind: 'procedure', subject: 'subject', codes: 'code category reasonCode bodySite', dates: 'occurrence[x] authoredOn', authors: 'requester performer' },
  Slot: { codes: 'serviceType serviceCategory specialty appointmentType', dates: 'start' },
  Specimen: { kind: 'lab', subject: 'subject', codes: 'type', dates: 'collection.collected[x] receivedTime', authors: 'collection.collector' },
  SpecimenDefinition: {},
  StructureDefinition: {},
  StructureMap: {},
  Subscription: {},
  Substance: { codes: 'code category', title: 'description' },
  SubstanceNucleicAcid: {},
  SubstancePolymer: {},
  SubstanceProtein: {},
  SubstanceReferenceInformation: {},
  SubstanceSourceMaterial: {},
  SubstanceSpecification: {},
  SupplyDelivery: { subject: 'patient', codes: 'suppliedItem.item[x] type', dates: 'occurrence[x]', authors: 'supplier' },
  SupplyRequest: { subject: 'deliverTo', codes: 'item[x] category', dates: 'occurrence[x] authoredOn', authors: 'requester' },
  Task: { subject: 'for', codes: 'code', dates: 'executionPeriod authoredOn', authors: 'requester owner', title: 'description' },
  TerminologyCapabilities: {},
  TestReport: {},
  TestScript: {},
  ValueSet: {},
  VerificationResult: {},
  VisionPrescription: { subject: 'patient', codes: 'lensSpecification.product', dates: 'dateWritten created', authors: 'prescriber' },
} as const satisfies Record<string, ResourceTypeRow>

export type ResourceType = keyof typeof ROWS

/** Every resource type of R4, sorted. */
export const RESOURCE_TYPES = Object.keys(ROWS) as readonly ResourceType[]

/** A row with its paths taken apart, choices written out. */
export interface IndexRow {
  readonly kind: EhrType | undefined
  readonly subject: readonly (readonly string[])[]
  readonly codes: readonly (readonly string[])[]
  readonly dates: readonly (readonly string[])[]
  readonly authors: readonly (readonly string[])[]
  readonly title: readonly (readonly string[])[]
  readonly status: string
}

const INDEX_ROWS: ReadonlyMap<string, IndexRow> = new Map(
  Object.entries<ResourceTypeRow>(ROWS).map(([type, row]) => [
    type,
    {
      kind: row.kind,
      subject: paths(row.subject, []),
      codes: paths(row.codes, ['CodeableConcept', 'Reference']),
      dates: paths(row.dates, ['DateTime', 'Period', 'Instant', 'Date', 'Timing']),
      authors: paths(row.authors, []),
      title: paths(row.title ?? 'title name', []),
      status: row.status ?? 'status',
    },
  ]),
)

export function isResourceType(value: unknown): value is ResourceType {
  return typeof value === 'string' && INDEX_ROWS.has(value)
}

export function rowOf(type: ResourceType): IndexRow {
  return INDEX_ROWS.get(type) as IndexRow
}

function paths(list: string | undefined, choices: readonly string[]): readonly (readonly string[])[] {
  if (list === undefined) return []
  return list
    .split(' ')
    .flatMap((path) => (path.endsWith('[x]') ? choices.map((choice) => path.slice(0, -3) + choice) : [path]))
    .map((path) => path.split('.'))
}
