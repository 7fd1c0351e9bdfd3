// SPDX-License-Identifier: Apache-2.0
/** What can be done with studies, as requests to the store. */
import { get, post, put } from '../api/client';
import { isPassing } from '../api/queries';
import type { DeletionPlan, Labelled, ListedStudy } from '../api/schema';

export type Plan = DeletionPlan;

/** As many studies as the store takes in one request. */
const AT_A_TIME = 10_000;

function portions<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += AT_A_TIME) parts.push(all.slice(at, at + AT_A_TIME));
  return parts;
}

/** What would be deleted. */
export async function deletionPlan(ids: readonly string[]): Promise<Plan> {
  const whole: Plan = {
    studies: 0,
    patients: 0,
    series: 0,
    instances: 0,
    size: 0,
    protected: [],
    protectedStudies: 0,
    missing: [],
  };
  for (const studies of portions(ids)) {
    const part = await post<Plan>('/explorer/api/delete/plan', { studies });
    for (const name of ['studies', 'patients', 'series', 'instances', 'size'] as const)
      whole[name] += part[name];
    whole.protectedStudies += part.protectedStudies;
    whole.protected.push(...part.protected);
    whole.missing.push(...part.missing);
  }
  return whole;
}

/**
 * Those of the rows that the plan says are protected. Rows were read earlier, and may say otherwise
 * by now; all that stay are among these where they are as many as the plan has.
 */
export function heldBack(
  rows: readonly Pick<ListedStudy, 'id' | 'patient'>[],
  plan: Pick<Plan, 'protected'>,
): ReadonlySet<string> {
  const patients = new Set(plan.protected.map(({ patient }) => patient));
  return new Set(rows.filter(({ patient }) => patients.has(patient)).map(({ id }) => id));
}

export async function remove(ids: readonly string[]): Promise<void> {
  for (const some of portions(ids)) {
    const Resources = some.map((ID) => ({ Level: 'Study', ID }));
    await post('/tools/bulk-delete', { Resources });
  }
}

/** How many studies have other labels than before, and how many are there no more. */
export async function changeLabels(
  ids: readonly string[],
  add: string[],
  remove: string[],
): Promise<{ changed: number; missing: number }> {
  const all = { changed: 0, missing: 0 };
  for (const studies of portions(ids)) {
    const { changed, missing } = await post<Labelled>('/explorer/api/labels', {
      studies,
      add,
      remove,
    });
    all.changed += changed;
    all.missing += missing.length;
  }
  return all;
}

export async function protect(patients: readonly string[], on: boolean): Promise<void> {
  for (const patient of patients) await put(`/patients/${patient}/protected`, on ? '1' : '0');
}

export interface Destination {
  kind: 'modalities' | 'peers';
  name: string;
}

export async function destinations(has: (feature: string) => boolean): Promise<Destination[]> {
  const kinds = (['modalities', 'peers'] as const).filter(has);
  const found = await Promise.all(
    kinds.map(async (kind) => (await get<string[]>(`/${kind}`)).map((name) => ({ kind, name }))),
  );
  return found.flat();
}

/** The job that sends. */
export async function send(ids: readonly string[], { kind, name }: Destination): Promise<string> {
  const answer = await post<{ ID: string }>(`/${kind}/${encodeURIComponent(name)}/store`, {
    Resources: ids,
    Synchronous: false,
  });
  return answer.ID;
}

export interface Job {
  ID: string;
  State: string;
  Progress: number;
  ErrorDescription: string;
  ErrorDetails: string;
}

/** Why a job failed: its own words, which name the cause, or else those of its kind of error. */
export const causeOf = ({ ErrorDetails, ErrorDescription }: Job) =>
  ErrorDetails || ErrorDescription;

export const job = (id: string) => get<Job>(`/jobs/${id}`);

/** Milliseconds between two looks at a job. */
const LOOK = 1_000;

/** The job when it has ended, however that was; a store that is away meanwhile is asked again. */
export async function ended(id: string): Promise<Job> {
  for (;;) {
    const now = await job(id).catch((error: unknown) => {
      if (isPassing(error)) return null;
      throw error;
    });
    if (now?.State === 'Success' || now?.State === 'Failure') return now;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/** A ZIP with folders, or one with a DICOMDIR, as for a CD. */
export type Pack = 'archive' | 'media';

/** Longer lists do not fit into an address. */
const IN_AN_ADDRESS = 40;

/** Whether a job packs so many studies, whose result waits in the store until it is fetched. */
export const isPackedByJob = (ids: readonly string[]) => ids.length > IN_AN_ADDRESS;

/** Where the browser gets studies from that are packed while they come. */
export function packAddress(ids: readonly string[], pack: Pack): string {
  if (ids.length === 1) return `/studies/${ids[0]}/${pack}`;
  return `/tools/create-${pack}?resources=${ids.join(',')}`;
}

/** The job that packs. */
export async function startPacking(ids: readonly string[], pack: Pack): Promise<string> {
  const answer = await post<{ ID: string }>(`/tools/create-${pack}`, {
    Resources: ids,
    Synchronous: false,
  });
  return answer.ID;
}

/** Where the browser gets from what a job has packed, once it has. Throws why it has not. */
export async function packedAddress(id: string): Promise<string> {
  const done = await ended(id);
  if (done.State !== 'Success') throw new Error(causeOf(done));
  return `/jobs/${id}/archive`;
}

/** The browser's own download, which streams to the disk. */
export function download(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
