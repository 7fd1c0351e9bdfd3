// SPDX-License-Identifier: Apache-2.0
/** What the address says of the list: its search, filters, order and page. */

/** Characters that the store takes. */
export const LONGEST_SEARCH = 8000;

export const SORTS = [
  'date',
  'name',
  'id',
  'birthDate',
  'description',
  'accession',
  'series',
  'instances',
  'size',
  'lastUpdate',
  'arrival',
] as const;
export type SortColumn = (typeof SORTS)[number];
export type Sort = SortColumn | `-${SortColumn}`;

/** Filters of one text each, as the store's search calls them. */
export const TEXT_FILTERS = [
  'name',
  'patientId',
  'birthDate',
  'sex',
  'accession',
  'description',
  'studyUid',
  'date',
  'origin',
  'station',
] as const;
export type TextFilter = (typeof TEXT_FILTERS)[number];
/** Those that may be lists, by the term of a search that asks the same. */
export const LIST_FILTERS = {
  id: 'patientId',
  accession: 'accession',
  uid: 'studyUid',
} as const satisfies Record<string, TextFilter>;
export type ListFilter = (typeof LIST_FILTERS)[keyof typeof LIST_FILTERS];
export const isListFilter = (name: string): name is ListFilter =>
  (Object.values(LIST_FILTERS) as string[]).includes(name);
export const STATES = ['arriving', 'stable', 'protected'] as const;
export type State = (typeof STATES)[number];

/** As it is in the address; what is absent is not asked for. */
export type Address = {
  q?: string;
  sort?: Sort;
  modality?: string;
  label?: string;
  state?: string;
} & { [filter in TextFilter]?: string };

/** What of an address the list understands; anything else is left out. */
export function readAddress(search: Record<string, unknown>): Address {
  const address: Address = {};
  const take = (name: 'q' | 'modality' | 'label' | 'state' | TextFilter) => {
    const value = search[name];
    // The router reads 2024 as a number, and true as what it is.
    const text = ['number', 'boolean'].includes(typeof value) ? String(value) : value;
    if (typeof text === 'string' && text.trim()) address[name] = text;
  };
  for (const name of ['q', 'modality', 'label', 'state', ...TEXT_FILTERS] as const) take(name);
  if (typeof search.sort === 'string' && isSort(search.sort)) address.sort = search.sort;
  return address;
}

export function isSort(text: string): text is Sort {
  return (SORTS as readonly string[]).includes(text.replace(/^-/, ''));
}

const list = (text: string | undefined) => (text ? text.split(',').filter(Boolean) : []);

/** The members of a search that say what is looked for: text and filters. */
export interface Asked {
  text: string;
  /** The day here, for `today`: where the store runs it may be another. */
  today: string;
  filters: { [filter in TextFilter]?: string } & {
    modalities?: string[];
    labels?: string[];
    states?: State[];
  };
}

export function askedOf(address: Address): Asked {
  const filters: Asked['filters'] = {};
  for (const name of TEXT_FILTERS) if (address[name]) filters[name] = address[name];
  const modalities = list(address.modality);
  const labels = list(address.label);
  const states = list(address.state).filter((one): one is State =>
    (STATES as readonly string[]).includes(one),
  );
  if (modalities.length) filters.modalities = modalities;
  if (labels.length) filters.labels = labels;
  if (states.length) filters.states = states;
  return { text: address.q ?? '', today: today(), filters };
}

export function today(): string {
  const now = new Date();
  const two = (number: number) => String(number).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
