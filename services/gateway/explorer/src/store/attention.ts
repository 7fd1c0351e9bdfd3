// SPDX-License-Identifier: Apache-2.0
/** What somebody should look at, from what every process says of itself and how jobs fare. */
import type { ServicesPresent, StoreState, UndeliveredTo } from '../api/schema';

export interface Concern {
  key: string;
  bad: boolean;
  /** The name of a message, with its values; or the store's own words. */
  kind: 'silent' | 'versions' | 'full' | 'filling' | 'told' | 'undelivered' | 'retried' | 'failed';
  service?: string;
  process?: string;
  name?: string;
  text?: string;
  count?: number;
  undelivered?: UndeliveredTo;
}

/** How jobs fare. */
export interface JobsState {
  /** How many there are in each state. */
  states: Record<string, number>;
  /** How many of those that failed were cancelled; a gateway of before an upgrade does not tell. */
  cancelled?: number;
  undelivered: UndeliveredTo[];
}

/** Twice what is needed is little: time to do something about it. */
const LITTLE = 2;

export function concerns(
  services: ServicesPresent | undefined,
  store: StoreState | undefined,
  jobs?: JobsState,
): Concern[] {
  const found: Concern[] = [];
  for (const service of services?.silent ?? []) {
    found.push({ key: `silent ${service}`, bad: true, kind: 'silent', service });
  }
  const said = new Set<string>();
  for (const { service, process, failures, warnings } of services?.processes ?? []) {
    for (const [bad, told] of [
      [true, failures],
      [false, warnings],
    ] as const) {
      for (const [name, text] of Object.entries(told)) {
        // The gateway passes on what the index says, and replicas say the same.
        if (said.has(`${name} ${text}`)) continue;
        said.add(`${name} ${text}`);
        const key = `${process} ${name}`;
        found.push({ key, bad, kind: 'told', service, process, name, text });
      }
    }
  }
  const disk = store?.disk;
  if (disk && disk.free < disk.needed) found.push({ key: 'full', bad: true, kind: 'full' });
  else if (disk && disk.free < LITTLE * disk.needed) {
    found.push({ key: 'filling', bad: false, kind: 'filling' });
  }
  for (const one of jobs?.undelivered ?? []) {
    const key = `undelivered ${one.destination}`;
    found.push({ key, bad: true, kind: 'undelivered', undelivered: one });
  }
  for (const [state, kind, wanted] of [
    ['Retry', 'retried', 0],
    ['Failure', 'failed', jobs?.cancelled ?? 0],
  ] as const) {
    const count = (jobs?.states[state] ?? 0) - wanted;
    if (count > 0) found.push({ key: state, bad: false, kind, count });
  }
  const versions = new Set(services?.processes.map(({ version }) => version));
  if (versions.size > 1) {
    const text = [...versions].sort().join(', ');
    found.push({ key: 'versions', bad: false, kind: 'versions', text });
  }
  return found.sort((a, b) => Number(b.bad) - Number(a.bad));
}
