// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ShownTag, TagTree } from './queries';
import { flatten } from './tagRows';

const tag = (number: string, name: string, more: Partial<ShownTag> = {}): ShownTag => ({
  tag: number,
  path: number,
  vr: 'LO',
  name,
  keyword: name.replaceAll(' ', ''),
  cut: false,
  ...more,
});
const inner = tag('00081155', 'Referenced SOP Instance UID', {
  value: '1.2.3',
  path: '00081140/0/00081155',
});
const tree: TagTree = {
  meta: [tag('00020010', 'Transfer Syntax UID', { meaning: 'Explicit VR Little Endian' })],
  tags: [
    tag('00080060', 'Modality', { value: 'CT' }),
    tag('00081140', 'Referenced Image Sequence', { vr: 'SQ', count: 2, items: [[inner], []] }),
    tag('00190010', 'Private Creator', { value: 'ACME' }),
  ],
  more: false,
};
const rows = (search: string, open: string[] = [], withPrivate = false) =>
  flatten(tree, { search, withPrivate, open: new Set(open) }).map((row) =>
    row.item === undefined ? row.tag.name : `item ${row.item}`,
  );

describe('the list of tags', () => {
  it('has sequences closed, and private tags on demand', () => {
    expect(rows('')).toEqual(['Transfer Syntax UID', 'Modality', 'Referenced Image Sequence']);
    expect(rows('', [], true)).toContain('Private Creator');
  });

  it('shows the items of a sequence that is open', () => {
    expect(rows('', ['00081140']).slice(2)).toEqual([
      'Referenced Image Sequence',
      'item 0',
      'Referenced SOP Instance UID',
      'item 1',
    ]);
  });

  it.each([
    ['modal', ['Modality']],
    ['0008,0060', ['Modality']],
    ['(0008,0060)', ['Modality']],
    ['ct', ['Modality']],
    ['explicit little', ['Transfer Syntax UID']],
    ['1.2.3', ['Referenced Image Sequence', 'item 0', 'Referenced SOP Instance UID']],
    ['nothing', []],
  ])('finds %s by name, tag, value and meaning, within items too', (search, expected) => {
    expect(rows(search)).toEqual(expected);
  });

  it('shows all of a sequence that is found itself', () => {
    expect(rows('referenced image')).toHaveLength(4);
  });
});
