// SPDX-License-Identifier: Apache-2.0
/** A tree of tags as the rows of a list: what is open, or what was searched for. */
import type { ShownTag, TagTree } from './queries';

export type TagRow =
  | { key: string; depth: number; item: number; tag?: undefined; open?: undefined }
  | { key: string; depth: number; tag: ShownTag; open: boolean; item?: undefined };

interface Options {
  search: string;
  withPrivate: boolean;
  open: ReadonlySet<string>;
}

export function valueText(tag: ShownTag): string {
  return tag.value ?? '';
}

const isPrivate = ({ tag }: ShownTag) => '13579BDF'.includes(tag[3] ?? '');

/** The rows; a search finds within sequences, and opens those that have something. */
export function flatten(tree: TagTree, options: Options): TagRow[] {
  const rows: TagRow[] = [];
  const words = options.search.toLowerCase().split(/\s+/).filter(Boolean);
  add(tree.meta, 0, words, options, rows, 'meta/');
  add(tree.tags, 0, words, options, rows, '');
  return rows;
}

function add(
  tags: ShownTag[],
  depth: number,
  words: string[],
  options: Options,
  rows: TagRow[],
  prefix: string,
): boolean {
  let found = false;
  for (const tag of tags) {
    if (isPrivate(tag) && !options.withPrivate) continue;
    const itself = words.length === 0 || matches(tag, words);
    const at = rows.length;
    const open = words.length > 0 || options.open.has(tag.path);
    if (tag.items && open) {
      // Of a sequence that is found itself all is shown, else what is found in it.
      const inside = items(tag, depth, itself ? [] : words, options, rows, prefix);
      if (words.length > 0 && !itself && !inside) {
        rows.length = at;
        continue;
      }
      rows.splice(at, 0, { key: prefix + tag.path, depth, tag, open });
      found = true;
    } else if (itself) {
      rows.push({ key: prefix + tag.path, depth, tag, open: false });
      found = true;
    }
  }
  return found;
}

function items(
  tag: ShownTag,
  depth: number,
  words: string[],
  options: Options,
  rows: TagRow[],
  prefix: string,
): boolean {
  let found = false;
  tag.items?.forEach((item, number) => {
    const at = rows.length;
    rows.push({ key: `${prefix}${tag.path}/${number}`, depth: depth + 1, item: number });
    if (add(item, depth + 2, words, options, rows, prefix) || words.length === 0) found = true;
    else rows.length = at;
  });
  return found;
}

/** Each word is in the tag, its name, its value or what that means. */
function matches(tag: ShownTag, words: string[]): boolean {
  const number = `${tag.tag.slice(0, 4)},${tag.tag.slice(4)}`;
  const parts = [number, tag.tag, tag.name, tag.keyword, tag.creator, tag.value, tag.meaning];
  const text = parts.filter(Boolean).join(' ').toLowerCase();
  return words.every((word) => text.includes(word.replace(/[()]/g, '')));
}
