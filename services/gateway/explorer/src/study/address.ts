// SPDX-License-Identifier: Apache-2.0
/** What the address says of a study's page: what is selected, and what is shown of it. */

export const TABS = ['images', 'tags', 'files', 'history'] as const;
export type Tab = (typeof TABS)[number];

export interface Address {
  series?: string;
  instance?: string;
  tab?: Tab;
}

const isTab = (value: unknown): value is Tab => (TABS as readonly unknown[]).includes(value);

export function readAddress(search: Record<string, unknown>): Address {
  const address: Address = {};
  if (typeof search.series === 'string' && search.series) address.series = search.series;
  if (typeof search.instance === 'string' && search.instance) address.instance = search.instance;
  if (isTab(search.tab)) address.tab = search.tab;
  return address;
}
