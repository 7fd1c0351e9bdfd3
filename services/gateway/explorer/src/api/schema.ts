// SPDX-License-Identifier: Apache-2.0
// Made from the OpenAPI document by `python -m pons_gateway.typescript --write`: not to be edited.

export interface Acted {
  done: number;
  refused: Record<string, string>;
}

export interface ActionAsked {
  action: "pause" | "resume" | "cancel" | "retry" | "forget";
  ids: Array<string>;
}

export interface Asked {
  text?: string;
  filters?: Filters;
  today?: string | null;
}

export interface Beat {
}

export interface Cause {
  cause: string;
  count: number;
}

export interface ChangedPeer {
  peer: Peer;
  keepPassword?: boolean;
  keepKeyPassword?: boolean;
  keepHeaders?: Array<string>;
}

export interface Chosen {
  studies?: Array<string> | null;
  query?: Asked | null;
}

export interface Condition_Output {
  Tag?: string | null;
  Is?: Array<string> | null;
  Min?: number | string | null;
  Max?: number | string | null;
  Exists?: boolean | null;
  Origin?: Array<string> | null;
  Label?: Array<string> | null;
  All?: Array<Condition_Output> | null;
  Any?: Array<Condition_Output> | null;
  Not?: Condition_Output | null;
}

export interface CountOfRows {
  value: number;
  exact: boolean;
}

export interface DeletionPlan {
  studies: number;
  patients: number;
  series: number;
  instances: number;
  size: number;
  protected: Array<ProtectedPatient>;
  protectedStudies: number;
  missing: Array<string>;
}

export interface DiskRoom {
  free: number;
  total: number;
  needed: number;
}

export interface Done {
}

export interface Events {
  study: StudyArrived;
  gone: StudiesGone;
  beat: Beat;
  jobs: JobNews;
  remotes: RemoteNews;
}

export interface Facet {
  value: string;
  count: number;
}

export interface Facets {
  labels: Array<Facet> | null;
  modalities: Array<Facet> | null;
}

export interface Failure {
  HttpError: string;
  HttpStatus: number;
  Message: string;
  Details?: string;
  Method: string;
  OrthancError: string;
  OrthancStatus: number;
  Uri: string;
}

export interface Filters {
  name?: string;
  patientId?: string;
  birthDate?: string;
  sex?: string;
  accession?: string;
  description?: string;
  studyUid?: string;
  date?: string;
  origin?: string;
  station?: string;
  modalities?: Array<string>;
  labels?: Array<string>;
  labelsConstraint?: "All" | "Any" | "None";
  states?: Array<"arriving" | "stable" | "protected">;
}

export interface HeldStudy {
  studyUid: string;
  askedPatientId: string;
  id: string;
  patientId: string;
  series: number;
  instances: number;
}

export interface IdentifiersAsked {
  text?: string;
  filters?: Filters;
  today?: string | null;
  limit?: number;
}

export interface JobNews {
  states: Record<string, number>;
  progress: number;
  newest: number;
  latest: Array<JobRow>;
}

export interface JobRow {
  id: string;
  type: string;
  destination: string;
  state: "Pending" | "Running" | "Success" | "Failure" | "Paused" | "Retry" | "Undelivered";
  wanted: "" | "cancel" | "pause";
  progress: number;
  count: number | null;
  failed: number;
  created: number;
  changed: number;
  completed: number | null;
  runtime: number;
  retryAt: number | null;
  error: string;
  outputs: Array<string>;
  actions: Array<"pause" | "resume" | "cancel" | "retry" | "forget">;
  cancelled: boolean;
}

export interface JobsAsked {
  states?: Array<"Pending" | "Running" | "Success" | "Failure" | "Paused" | "Retry" | "Undelivered">;
  types?: Array<string>;
  destination?: string;
  text?: string;
  ids?: Array<string> | null;
}

export interface JobsPage {
  rows: Array<JobRow>;
  next: string | null;
  count: number;
  states: Record<string, number>;
  cancelled: number;
  types: Array<string>;
  destinations: Array<string>;
}

export interface JobsPageAsked {
  states?: Array<"Pending" | "Running" | "Success" | "Failure" | "Paused" | "Retry" | "Undelivered">;
  types?: Array<string>;
  destination?: string;
  text?: string;
  ids?: Array<string> | null;
  sort?: string;
  after?: string | null;
  limit?: number;
}

export interface KnownModality {
  name: string;
  source: "settings" | "changed" | "here";
  revision: number;
  modality: Modality_Output;
  contact?: LastContact | null;
}

export interface KnownPeer {
  name: string;
  source: "settings" | "changed" | "here";
  revision: number;
  peer: ShownPeer;
  notes: Record<string, string>;
  contact?: LastContact | null;
}

export interface KnownRemotes {
  modalities: Array<KnownModality>;
  peers: Array<KnownPeer>;
  certificate: boolean;
}

export interface KnownRetentionRule {
  name: string;
  source: "settings" | "changed" | "here";
  revision: number;
  rule: RetentionRule_Output;
}

export interface KnownRule {
  name: string;
  source: "settings" | "changed" | "here";
  revision: number;
  rule: Rule_Output;
}

export interface KnownRules {
  rules: Array<KnownRule>;
  destinations: Array<string>;
}

export interface KnownWorklist {
  id: string;
  revision: number;
  file: string;
  problem: string;
  studyUid: string;
  steps: number;
  fields: WorklistFields;
}

export interface KnownWorklists {
  entries: Array<KnownWorklist>;
  more: boolean;
  hasFolder: boolean;
  folderProblem: string;
}

export interface Labelled {
  changed: number;
  missing: Array<string>;
}

export interface LabelsAsked {
  studies?: Array<string> | null;
  query?: Asked | null;
  add?: Array<string>;
  remove?: Array<string>;
}

export interface LastContact {
  at: number;
  did: string;
  outcome: "well" | "failed" | "absent";
  why: string;
  well: number;
}

export interface ListedPage {
  rows: Array<ListedStudy>;
  next: string | null;
  understood: Array<Understood>;
  count: CountOfRows | null;
}

export interface ListedPatient {
  id: string;
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: string;
  studies: number;
  latest: string;
  protected: boolean;
  lastUpdate: string;
}

export interface ListedStudy {
  id: string;
  patient: string;
  studyUid: string;
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: string;
  date: string;
  time: string;
  modalities: Array<string>;
  description: string;
  accession: string;
  series: number;
  instances: number;
  size: number;
  origins: Array<string>;
  labels: Array<string>;
  arriving: boolean;
  protected: boolean;
  lastUpdate: string;
  more: Record<string, string>;
}

export interface LoggedDeletion {
  level: "Patient" | "Study" | "Series" | "Instance";
  at: string;
  cause: "asked" | "script" | "age" | "room";
  by: string;
}

export interface Login {
  user: string;
  password: string;
}

export interface MadeWorklist {
  ID: string;
  Path: string;
}

export interface Modality_Output {
  AET: string;
  Host: string;
  Port: number;
  Manufacturer?: "Generic" | "GenericNoWildcardInDates" | "GenericNoUniversalWildcard" | "Vitrea" | "GE" | "SiemensSyngoCT";
  AllowEcho?: boolean;
  AllowStore?: boolean;
  AllowFind?: boolean;
  AllowFindWorklist?: boolean;
  AllowGet?: boolean;
  AllowMove?: boolean;
  AllowNAction?: boolean;
  AllowEventReport?: boolean;
  AllowTranscoding?: boolean;
  UseDicomTls?: boolean;
  LocalAet?: string;
  Timeout?: number;
  RetrieveMethod?: "SystemDefault" | "C-MOVE" | "C-GET";
}

export interface PageAsked {
  text?: string;
  filters?: Filters;
  today?: string | null;
  sort?: string;
  after?: string | null;
  limit?: number;
  columns?: Array<string>;
}

export interface PatientsAsked {
  text?: string;
  filters?: Filters;
  today?: string | null;
  sort?: string;
  after?: string | null;
  limit?: number;
}

export interface PatientsPage {
  rows: Array<ListedPatient>;
  next: string | null;
  understood: Array<Understood>;
  count: CountOfRows | null;
}

export type Peer = { Url: string; Username?: string | null; Password?: string | null; HttpHeaders?: Record<string, string>; CertificateFile?: string | null; CertificateKeyFile?: string | null; CertificateKeyPassword?: string | null; Pkcs11?: boolean; Timeout?: number; } | Array<unknown>;

export interface ProtectedPatient {
  patient: string;
  patientName: string;
  patientId: string;
  studies: number;
}

export interface RemoteNews {
  remotes: Array<RemoteState>;
}

export interface RemoteState {
  kind: "modality" | "peer";
  name: string;
  contact?: LastContact | null;
}

export interface RetentionRule_Output {
  When: Array<Condition_Output>;
  KeepDays: number;
  Delete?: "AfterKeepDays" | "WhenRoomIsNeeded";
  Enabled?: boolean;
}

export interface Rule_Output {
  On: "NewInstance" | "StableSeries" | "StableStudy";
  When?: Array<Condition_Output>;
  To?: Array<string>;
  Label?: Array<string> | null;
  Enabled?: boolean;
}

export interface SavedView {
  id: string;
  name: string;
  search: string;
}

export interface SentAsked {
  destination?: string;
  patient?: string;
  before?: number | null;
  limit?: number;
}

export interface SentPage {
  rows: Array<SentRow>;
  next: number | null;
}

export interface SentRow {
  seq: number;
  level: "Patient" | "Study" | "Series" | "Instance";
  id: string;
  destination: string;
  patientId: string;
  patientName: string;
  description: string;
  study: string | null;
  studyUid: string;
  date: string;
}

export interface ServiceProcess {
  service: string;
  process: string;
  version: string;
  seconds: number;
  ready: boolean;
  failures: Record<string, string>;
  warnings: Record<string, string>;
}

export interface ServicesPresent {
  processes: Array<ServiceProcess>;
  silent: Array<string>;
}

export interface SessionState {
  user: string | null;
  signedInBy: "session" | "basic" | "none";
  login: boolean;
  minutes: number;
  endsAt: string | null;
  actions: Array<string>;
  readOnly: boolean;
  features: Array<string>;
  locale: "" | "de" | "en" | "fr";
  store: string;
  title: string;
  aet: string;
  dicomPort: number;
  version: string;
}

export interface ShownPeer {
  Url: string;
  HttpHeaders: Array<string>;
  Pkcs11: boolean;
  Timeout: number;
  Username?: string | null;
  Password?: null;
  CertificateFile?: string | null;
  CertificateKeyFile?: string | null;
  CertificateKeyPassword?: null;
}

export interface ShownTag {
  tag: string;
  path: string;
  vr: string;
  name: string;
  keyword: string;
  creator?: string | null;
  value?: string | null;
  meaning?: string | null;
  bytes?: number | null;
  length?: number | null;
  cut: boolean;
  count?: number | null;
  items?: Array<Array<ShownTag>> | null;
}

export interface StoreHistory {
  step: number;
  at: Array<number>;
  instancesPerSecond: Array<number | null>;
  bytesPerSecond: Array<number | null>;
  studies: Array<number | null>;
  instances: Array<number | null>;
  storedBytes: Array<number | null>;
  freeBytes: Array<number | null>;
  queue: Array<number | null>;
  lagSeconds: Array<number | null>;
  jobsWaiting: Array<number | null>;
  jobsFailed: Array<number | null>;
}

export interface StoreState {
  title: string;
  name: string;
  version: string;
  aet: string;
  dicomPort: number;
  dicomTls: boolean;
  httpPort: number;
  users: number;
  readOnly: boolean;
  objects: "folder" | "S3";
  compressed: boolean;
  overwrites: "Never" | "Always" | "IfChanged";
  stableSeconds: number;
  maximumBytes: number;
  maximumPatients: number;
  whenFull: "Recycle" | "Reject";
  roomPercent: number;
  disk: DiskRoom | null;
  patients: number;
  studies: number;
  series: number;
  instances: number;
  bytes: number;
  storedBytes: number;
}

export interface StoredInstance {
  ID: string;
  ParentPatient: string;
  ParentSeries: string;
  ParentStudy: string;
  Path: string;
  Status: string;
}

export interface StudiesGone {
  ids: Array<string>;
}

export interface StudiesTold {
  studies: Array<ToldStudy>;
}

export interface StudyArrived {
  id: string;
}

export interface StudyEvent {
  kind: "change" | "sent" | "job";
  at: string;
  what: string;
  level?: "Patient" | "Study" | "Series" | "Instance" | null;
  id?: string;
  job?: string;
  count?: number;
  state?: "Pending" | "Running" | "Success" | "Failure" | "Paused" | "Retry" | null;
  progress?: number;
  error?: string;
}

export interface StudyEvents {
  events: Array<StudyEvent>;
  more: boolean;
}

export interface TagTreeAnswer {
  meta: Array<ShownTag>;
  tags: Array<ShownTag>;
  more: boolean;
}

export interface ToldStudy {
  studyUid: string;
  patientId?: string;
}

export interface TriedOnFile {
  name: string;
  unmet: Record<string, unknown> | null;
  found: string | null;
}

export interface UndeliveredTo {
  destination: string;
  count: number;
  since: number;
  causes: Array<Cause>;
}

export interface Understood {
  kind: "text" | "name" | "id" | "accession" | "description" | "uid" | "date" | "born" | "modality" | "label" | "origin" | "station" | "series" | "state";
  value: string;
  from?: string;
  to?: string;
  without: string;
}

export interface UploadedFile {
  status: number;
  stored: Array<StoredInstance>;
  details: string;
}

export interface ViewAsked {
  name: string;
  search: string;
}

export interface Without {
  kind: "text" | "name" | "id" | "accession" | "description" | "uid" | "date" | "born" | "modality" | "label" | "origin" | "station" | "series" | "state" | "filter";
  value: string;
  without: string;
  count: CountOfRows;
}

export interface WorklistFields {
  PatientName?: string;
  PatientID?: string;
  PatientBirthDate?: string;
  PatientSex?: string;
  AccessionNumber?: string;
  RequestedProcedureID?: string;
  RequestedProcedureDescription?: string;
  Modality?: string;
  ScheduledStationAETitle?: string;
  ScheduledProcedureStepStartDate?: string;
  ScheduledProcedureStepStartTime?: string;
  ScheduledProcedureStepDescription?: string;
  ScheduledPerformingPhysicianName?: string;
}
