// SPDX-License-Identifier: Apache-2.0
/** What of a search other archives can be asked for: DICOM queries have no box for any word. */
import type { Asked } from '../remote/address';
import type { Address } from './address';

const SAME = ['name', 'patientId', 'accession', 'description', 'studyUid', 'modality'] as const;

/** The fields of a query; words without digits may be a name, others say nothing for sure. */
export function askedElsewhere(address: Address): Asked {
  const asked: Asked = {};
  for (const name of SAME) if (address[name]) asked[name] = address[name];
  const words = (address.q ?? '').split(/\s+/).filter((word) => /^[^\d:]{3,}$/.test(word));
  if (!asked.name && words.length) asked.name = words.join(' ');
  return asked;
}
