// SPDX-License-Identifier: Apache-2.0
/** What the address says of the list of jobs. */
import type { JobRow, JobsPageAsked } from '../api/schema';

export type State = JobRow['state'];
export const STATES: State[] = [
  'Running',
  'Pending',
  'Retry',
  'Paused',
  'Undelivered',
  'Failure',
  'Success',
];
const SORTS = ['created', 'completed', 'took', 'type', 'destination', 'state'];
export const NEWEST = '-created';

export interface JobsAddress {
  q?: string;
  state?: string;
  destination?: string;
  order?: string;
  /** The job whose details are shown. */
  job?: string;
}

/** What of an address the list understands; anything else is left out. */
export function readJobsAddress(search: Record<string, unknown>): JobsAddress {
  const address: JobsAddress = {};
  for (const name of ['q', 'state', 'destination', 'job'] as const) {
    const value = search[name];
    if (typeof value === 'string' && value.trim()) address[name] = value.slice(0, 200);
  }
  if (typeof search.order === 'string' && SORTS.includes(search.order.replace(/^-/, '')))
    address.order = search.order;
  return address;
}

export type Asked = Pick<JobsPageAsked, 'states' | 'text' | 'destination'>;

export function askedOf(address: JobsAddress): Asked {
  return {
    states: STATES.filter((state) => address.state?.split(',').includes(state)),
    text: address.q ?? '',
    destination: address.destination ?? '',
  };
}

/** What the log of what was sent is searched for. */
export interface SentAddress {
  destination?: string;
  patient?: string;
}

export function readSentAddress(search: Record<string, unknown>): SentAddress {
  const address: SentAddress = {};
  for (const name of ['destination', 'patient'] as const) {
    const value = search[name];
    if (typeof value === 'string' && value.trim()) address[name] = value.slice(0, 200);
  }
  return address;
}
