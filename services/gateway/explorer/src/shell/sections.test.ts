// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { sectionOf } from './sections';

test.each([
  ['/', 'studies'],
  ['/studies/ab-cd', 'studies'],
  ['/view/ab-cd', 'studies'],
  ['/patients', 'patients'],
  ['/patients/ab-cd', 'patients'],
  ['/upload', 'upload'],
  ['/upload/', 'upload'],
  ['/remote/pacs,therapy', 'remote'],
  ['/worklist', 'worklist'],
  ['/jobs', 'jobs'],
  ['/operate/routing/dead', 'jobs'],
  ['/operate/unindexed', 'jobs'],
  ['/operate/sent', 'jobs'],
  ['/operate/peers', 'network'],
  ['/operate/routing', 'routing'],
  ['/operate/retention', 'store'],
  ['/operate', 'store'],
  ['/nowhere', null],
  ['/studiesx', null],
])('%s belongs to %s', (path, section) => {
  expect(sectionOf(path)).toBe(section);
});
