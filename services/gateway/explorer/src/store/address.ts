// SPDX-License-Identifier: Apache-2.0
/** What the address of the store's page says. */
import { RANGES, type Range } from './queries';

export function readAddress(search: Record<string, unknown>): { hours?: Range } {
  const hours = RANGES.find((one) => one === Number(search.hours));
  return hours ? { hours } : {};
}
