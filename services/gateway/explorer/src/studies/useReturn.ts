// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react';
import type { Address } from './address';
import type { Row } from './search';
import { lookedAt } from './walk';

/**
 * Where the study is in its list from which one comes back; -1 for none, and while it is not loaded.
 * Then `arrive` is called, once.
 */
export function useReturn(
  address: Address,
  rows: Row[] | undefined,
  arrive: (index: number) => void,
): number {
  const [id, setId] = useState(() => lookedAt(address));
  const [index, setIndex] = useState(-1);
  useEffect(() => {
    if (id === undefined || !rows) return;
    setId(undefined);
    const found = rows.findIndex((row) => row.id === id);
    if (found < 0) return;
    setIndex(found);
    arrive(found);
  }, [id, rows, arrive]);
  return index;
}
