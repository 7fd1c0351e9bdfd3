// SPDX-License-Identifier: Apache-2.0
/** What the address says of a query to other archives: whom to ask, for what, and what is open. */

export const FIELDS = [
  'name',
  'patientId',
  'accession',
  'from',
  'to',
  'modality',
  'description',
  'studyUid',
] as const;
export type Field = (typeof FIELDS)[number];

export const SORTS = ['name', 'patientId', 'date', 'description', 'accession', 'images'] as const;
export type Sort = (typeof SORTS)[number] | `-${(typeof SORTS)[number]}`;

export type Asked = { [field in Field]?: string };
export type Address = Asked & {
  sort?: Sort;
  /** The study whose series are shown: the key of its row, or its StudyInstanceUID alone. */
  open?: string;
};

export function readAddress(search: Record<string, unknown>): Address {
  const address: Address = {};
  for (const name of [...FIELDS, 'open'] as const) {
    const value = search[name];
    if (typeof value === 'string' && value.trim()) address[name] = value.trim();
  }
  for (const name of ['from', 'to'] as const)
    if (!/^\d{4}-\d{2}-\d{2}$/.test(address[name] ?? '')) delete address[name];
  if (isSort(search.sort)) address.sort = search.sort;
  return address;
}

export const isSort = (text: unknown): text is Sort =>
  typeof text === 'string' && (SORTS as readonly string[]).includes(text.replace(/^-/, ''));

/** The names in an address, each once. */
export const namesOf = (path: string | undefined): string[] => [
  ...new Set((path ?? '').split(',').filter(Boolean)),
];

export function askedOf(address: Address): Asked {
  const asked: Asked = {};
  for (const name of FIELDS) if (address[name]) asked[name] = address[name];
  return asked;
}

/** Whether enough is said: without any key an archive tells all that it has. */
export const saysSomething = (asked: Asked): boolean => Object.keys(asked).length > 0;

/** What every answer is to tell. */
const TOLD = [
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'StudyInstanceUID',
  'StudyDate',
  'StudyTime',
  'StudyDescription',
  'AccessionNumber',
  'ModalitiesInStudy',
  'NumberOfStudyRelatedSeries',
  'NumberOfStudyRelatedInstances',
] as const;

/** The keys of the C-FIND at study level (PS3.4 C.2.2.2); an empty one asks for the value only. */
export function keysOf(asked: Asked): Record<string, string> {
  const keys: Record<string, string> = Object.fromEntries(TOLD.map((name) => [name, '']));
  keys.PatientName = piecesOf(asked.name);
  keys.PatientID = asked.patientId ?? '';
  keys.AccessionNumber = asked.accession ?? '';
  keys.StudyDescription = piecesOf(asked.description);
  keys.StudyInstanceUID = asked.studyUid ?? '';
  keys.StudyDate = rangeOf(asked.from, asked.to);
  keys.ModalitiesInStudy = (asked.modality ?? '')
    .toUpperCase()
    .split(/[\s,]+/)
    .join('\\');
  return keys;
}

/** Words in their order with anything around them; who writes `*` or `?` means what he writes. */
function piecesOf(text = ''): string {
  if (/[*?\\]/.test(text)) return text;
  const words = text.split(/[\s,^]+/).filter(Boolean);
  return words.length ? `*${words.join('*')}*` : '';
}

function rangeOf(from = '', to = ''): string {
  const [first, last] = [from, to].map((day) => day.replaceAll('-', ''));
  if (first === last) return first ?? '';
  return `${first}-${last}`;
}
