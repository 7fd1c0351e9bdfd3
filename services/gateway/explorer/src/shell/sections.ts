// SPDX-License-Identifier: Apache-2.0
/** Which entry of the side bar a page belongs to. */

export type Section =
  | 'studies'
  | 'patients'
  | 'upload'
  | 'remote'
  | 'worklist'
  | 'jobs'
  | 'network'
  | 'routing'
  | 'store';

/** The first one that fits holds; an address that none fits belongs to no entry. */
const SECTIONS: readonly (readonly [RegExp, Section])[] = [
  [/^\/patients(?:\/|$)/, 'patients'],
  [/^\/(?:(?:studies|series|instances|uid|accession|view)(?:\/|$)|$)/, 'studies'],
  [/^\/upload$/, 'upload'],
  [/^\/remote(?:\/|$)/, 'remote'],
  [/^\/worklist$/, 'worklist'],
  // What could not be sent stands beside the jobs, of whichever rule it is.
  [/^\/(?:jobs|operate\/(?:jobs|sent|unindexed|routing\/dead))$/, 'jobs'],
  [/^\/operate\/(?:modalities|peers)$/, 'network'],
  [/^\/operate\/routing$/, 'routing'],
  [/^\/operate(?:\/retention)?$/, 'store'],
];

/** Of the address of a page below Explorer's. */
export function sectionOf(path: string): Section | null {
  const plain = path.replace(/(.)\/$/, '$1');
  return SECTIONS.find(([pattern]) => pattern.test(plain))?.[1] ?? null;
}
