// SPDX-License-Identifier: Apache-2.0
/** What the address says of a picture: which slice, or which frame of which instance, and its window. */
import type { Window } from './frame';
import type { Order } from './loader';

export interface Address {
  slice?: number;
  instance?: string;
  frame?: number;
  wc?: number;
  ww?: number;
}

function number(value: unknown): number | undefined {
  const read = typeof value === 'number' ? value : Number.parseFloat(String(value ?? ''));
  return Number.isFinite(read) ? read : undefined;
}

export function readAddress(search: Record<string, unknown>): Address {
  const address: Address = {};
  const slice = number(search.slice);
  const frame = number(search.frame);
  const wc = number(search.wc);
  const ww = number(search.ww);
  if (slice !== undefined && slice >= 1) address.slice = Math.floor(slice);
  if (typeof search.instance === 'string') address.instance = search.instance;
  if (frame !== undefined && frame >= 0) address.frame = Math.floor(frame);
  if (wc !== undefined && ww !== undefined && ww > 0) Object.assign(address, { wc, ww });
  return address;
}

/** Whether the address names an instance that is not in the series, or not any more. */
export function isGone({ instance }: Address, order: Order): boolean {
  return instance !== undefined && !order.Instances.some((one) => one.Instance === instance);
}

/** The place of a frame in its series, from 0; people count from 1. */
export function startOf(address: Address, order: Order): number {
  const named = order.Instances.find(({ Instance }) => Instance === address.instance);
  if (named) return named.First + Math.min(address.frame ?? 0, named.Count - 1);
  if (address.slice !== undefined) return Math.min(address.slice, order.Total) - 1;
  return Math.floor(order.Total / 2);
}

export function windowOf({ wc, ww }: Address): Window | null {
  return wc !== undefined && ww !== undefined ? { center: wc, width: ww } : null;
}
