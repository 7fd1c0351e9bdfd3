// SPDX-License-Identifier: Apache-2.0
/** Messages as a tree of texts. */

export type Tree = { [name: string]: string | Tree };

export function mapped(tree: Tree, change: (text: string) => string): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [
      name,
      typeof value === 'string' ? change(value) : mapped(value, change),
    ]),
  );
}

/** Every text by its dotted name. */
export function flat(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([name, value]) =>
      typeof value === 'string'
        ? [[prefix + name, value] as const]
        : [...flat(value, `${prefix}${name}.`)],
    ),
  );
}
