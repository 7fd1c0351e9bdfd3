// SPDX-License-Identifier: Apache-2.0
/** Numbers that change with every move: short, and of a width that hardly does. */
import { modalityOf } from './display';
import type { Frame } from './frame';
import { inPatient, type Point } from './geometry';

export function readout(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** Place and value of a pixel: `212, 340 = 43 HU`; empty outside of the frame. */
export function pixelText(frame: Frame, point: Point): string {
  const { head, values } = frame;
  const [column, row] = [Math.floor(point.x), Math.floor(point.y)];
  if (column < 0 || row < 0 || column >= head.Columns || row >= head.Rows) return '';
  const at = row * head.Columns + column;
  const text =
    head.Pixels === 'RGB'
      ? [...values.subarray(at * 3, at * 3 + 3)].join(' ')
      : valueText(frame, values[at] ?? 0);
  const patient = inPatient(head, { x: column + 0.5, y: row + 0.5 });
  const place = patient ? `  (${patient.map((part) => part.toFixed(1)).join(', ')} mm)` : '';
  return `${column}, ${row} = ${text}${place}`;
}

function valueText({ head }: Frame, stored: number): string {
  const [low, high] = head.Padding ?? [1, 0];
  if (stored >= low && stored <= high) return '–';
  const value = modalityOf(head)(stored);
  const shown = Number.isInteger(value) ? String(value) : value.toPrecision(4);
  return [shown, head.Units].filter(Boolean).join(' ');
}
