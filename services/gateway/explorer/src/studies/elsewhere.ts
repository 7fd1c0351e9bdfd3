// SPDX-License-Identifier: Apache-2.0
/** What of a search other archives can be asked for: DICOM queries have no box for any word. */
import type { Asked } from '../remote/address';
import { type Address, isListFilter } from './address';
import { identifiersOf } from './identifiers';

const SAME = ['name', 'patientId', 'accession', 'description', 'studyUid', 'modality'] as const;

/** The fields of a query; words without digits may be a name, others say nothing for sure. */
export function askedElsewhere(address: Address): Asked {
  const asked: Asked = {};
  for (const name of SAME) {
    const text = address[name] ?? '';
    // A query has one identifier.
    const isList = isListFilter(name) && identifiersOf(text).length > 1;
    if (text && !isList) asked[name] = text;
  }
  const words = (address.q ?? '').split(/\s+/).filter((word) => /^[^\d:]{3,}$/.test(word));
  if (!asked.name && words.length) asked.name = words.join(' ');
  return asked;
}
