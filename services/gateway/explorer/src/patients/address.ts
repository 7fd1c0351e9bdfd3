// SPDX-License-Identifier: Apache-2.0
/** What the address says of the list of patients. */

const SORTS = ['name', 'id', 'birthDate', 'arrival'];
export const BY_NAME = 'name';

export interface PatientsAddress {
  q?: string;
  sort?: string;
}

export function readPatientsAddress(search: Record<string, unknown>): PatientsAddress {
  const address: PatientsAddress = {};
  const { q, sort } = search;
  // The router reads 2024 as a number, and true as what it is.
  const text = ['number', 'boolean'].includes(typeof q) ? String(q) : q;
  if (typeof text === 'string' && text.trim()) address.q = text;
  if (typeof sort === 'string' && SORTS.includes(sort.replace(/^-/, ''))) address.sort = sort;
  return address;
}
