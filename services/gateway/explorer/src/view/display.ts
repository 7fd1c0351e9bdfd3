// SPDX-License-Identifier: Apache-2.0
/** From stored values to what is seen: modality LUT, window or VOI LUT, padding, inversion. */
import type { Frame, Head, Table, VoiFunction, Window } from './frame';

/** How a frame is shown. */
export interface Display {
  window: Window;
  function: VoiFunction;
  /** Index of the VOI LUT that counts instead of the window. */
  voiLut: number | null;
  inverted: boolean;
}

const WHOLE: Window = { center: 127.5, width: 255 };
const tables = new WeakMap<Table, Uint16Array>();

export function entriesOf(table: Table): Uint16Array {
  let entries = tables.get(table);
  if (!entries) {
    const bytes = Uint8Array.from(atob(table.Values), (one) => one.charCodeAt(0));
    entries = new Uint16Array(bytes.buffer, 0, bytes.length >> 1);
    tables.set(table, entries);
  }
  return entries;
}

/** The first window of the header, or its table, else from its least value to its greatest. */
export function displayOf(head: Head): Display {
  const plain = { voiLut: null, inverted: false } as const;
  if (head.Pixels === 'RGB') return { ...plain, window: WHOLE, function: 'LINEAR_EXACT' };
  const first = head.Windows?.[0];
  if (first) {
    const window = { center: first.Center, width: first.Width };
    return { ...plain, window, function: head.Function ?? 'LINEAR' };
  }
  const table = head.VoiLuts?.[0];
  if (table) {
    const last = table.First + entriesOf(table).length - 1;
    const width = Math.max(1, last - table.First);
    const window = { center: (table.First + last) / 2, width };
    return { ...plain, window, function: 'LINEAR_EXACT', voiLut: 0 };
  }
  return { ...plain, window: fullWindow(head), function: 'LINEAR_EXACT' };
}

/** From the least value of a frame, which is black, to its greatest, without padding. */
export function fullWindow(head: Head): Window {
  const modality = modalityOf(head);
  const ends = [modality(head.Least ?? 0), modality(head.Greatest ?? 0)];
  const low = Math.min(...ends);
  const width = Math.max(...ends) - low || 1;
  return { center: low + width / 2, width };
}

/** What makes modality values, such as HU, of stored ones (PS3.3 C.11.1). */
export function modalityOf(head: Head): (stored: number) => number {
  if (head.ModalityLut) return lookUp(head.ModalityLut.First, entriesOf(head.ModalityLut));
  const { Slope = 1, Intercept = 0 } = head;
  return (stored) => stored * Slope + Intercept;
}

/** Values before the first entry's take the first, values after the last entry's the last. */
function lookUp(first: number, entries: ArrayLike<number>): (value: number) => number {
  const last = entries.length - 1;
  return (value) => entries[Math.min(Math.max(Math.trunc(value - first), 0), last)] ?? 0;
}

/** What makes 0 to 255 of modality values (PS3.3 C.11.2.1.2, C.11.2.1.3).
 *
 * A width below 1 has no meaning for LINEAR, and is taken as LINEAR_EXACT, as the store does.
 */
export function windowed({ center, width }: Window, kind: VoiFunction): (value: number) => number {
  if (kind === 'SIGMOID') return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width));
  const linear = kind === 'LINEAR' && width >= 1;
  const middle = linear ? center - 0.5 : center;
  const range = linear ? width - 1 : width;
  if (range === 0) return (value) => (value > middle ? 255 : 0);
  return (value) => Math.min(Math.max((value - middle) / range + 0.5, 0), 1) * 255;
}

function looked(table: Table): (value: number) => number {
  const entries = entriesOf(table);
  const bits = table.Bits > 0 && table.Bits <= 16 ? table.Bits : 16;
  const most =
    Math.max(
      2 ** bits - 1,
      entries.reduce((a, b) => Math.max(a, b), 0),
    ) || 1;
  const at = lookUp(table.First, entries);
  return (value) => at(value) * (255 / most);
}

/** The shade, 0 to 255, of each stored value. What is no number is as the least shade. */
export function shades(head: Head, display: Display): (stored: number) => number {
  const table = display.voiLut === null ? undefined : head.VoiLuts?.[display.voiLut];
  const modality = modalityOf(head);
  const show = table ? looked(table) : windowed(display.window, display.function);
  const inverted = (head.Photometric === 'MONOCHROME1') !== display.inverted;
  const [low, high] = head.Padding ?? [1, 0];
  return (stored) => {
    if (stored >= low && stored <= high) return 0;
    const shade = Math.floor(show(modality(stored)) + 0.5) || 0;
    return inverted ? 255 - shade : shade;
  };
}

const OPAQUE = 0xff000000;
const grey = (shade: number) => (OPAQUE | (shade << 16) | (shade << 8) | shade) >>> 0;

/** Tables for the 256 or 65,536 stored values that there can be, by their bits. */
export function tableOf(head: Head, display: Display): Uint32Array {
  const shade = shades(head, display);
  const bits = head.Pixels.endsWith('16') ? 16 : 8;
  const size = 1 << bits;
  const half = head.Pixels.startsWith('Int') ? size >> 1 : size;
  const table = new Uint32Array(size);
  for (let index = 0; index < size; index++) {
    table[index] = grey(shade(index < half ? index : index - size));
  }
  return table;
}

/** Fill the pixels of a canvas, one 32-bit number (ABGR) each. */
export function paint({ head, values }: Frame, display: Display, pixels: Uint32Array): void {
  if (head.Pixels === 'RGB') {
    paintColour(values as Uint8Array, display, pixels);
    return;
  }
  if (values.BYTES_PER_ELEMENT > 2) {
    const shade = shades(head, display);
    for (let at = 0; at < pixels.length; at++) pixels[at] = grey(shade(values[at] as number));
    return;
  }
  const table = tableOf(head, display);
  const array = values.BYTES_PER_ELEMENT === 2 ? Uint16Array : Uint8Array;
  const indices = new array(values.buffer as ArrayBuffer, values.byteOffset, values.length);
  for (let at = 0; at < pixels.length; at++) pixels[at] = table[indices[at] as number] as number;
}

function paintColour(values: Uint8Array, display: Display, pixels: Uint32Array): void {
  const show = windowed(display.window, display.function);
  const table = Uint8Array.from({ length: 256 }, (_, index) => {
    const shade = Math.floor(show(index) + 0.5);
    return display.inverted ? 255 - shade : shade;
  });
  const of = (at: number) => table[values[at] as number] as number;
  for (let at = 0, from = 0; at < pixels.length; at++, from += 3) {
    pixels[at] = (OPAQUE | (of(from + 2) << 16) | (of(from + 1) << 8) | of(from)) >>> 0;
  }
}
