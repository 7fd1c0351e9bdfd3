// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Head } from './frame';
import {
  distance,
  edges,
  fitted,
  inPatient,
  letters,
  location,
  toFrame,
  toStage,
  zoomed,
} from './geometry';

const head = {
  Rows: 100,
  Columns: 200,
  Aspect: 2,
  Spacing: [2, 1],
  SpacingAt: 'patient',
  Position: [-10, -20, 30],
  Orientation: [1, 0, 0, 0, 1, 0],
} as unknown as Head;
const stage = { width: 400, height: 400 };

describe('a frame on the stage', () => {
  it('is as large as fits, in its true proportions', () => {
    expect(fitted(head, stage).scale).toBe(2);
    expect(fitted({ ...head, Aspect: 4 }, stage).scale).toBe(1);
  });

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is found where it is seen (flipped %s, %s)', (flippedX, flippedY) => {
    const at = { x: 13, y: -7, scale: 1.5, flippedX, flippedY };
    const point = toStage(head, at, stage, { x: 20, y: 70 });
    const back = toFrame(head, at, stage, point);
    expect(back.x).toBeCloseTo(20, 9);
    expect(back.y).toBeCloseTo(70, 9);
  });

  it('keeps what is under the pointer while it is zoomed', () => {
    const at = { ...fitted(head, stage), x: 5, y: 9 };
    const pointer = { x: 100, y: 300 };
    const before = toFrame(head, at, stage, pointer);
    const after = toFrame(head, zoomed(at, stage, pointer, 3), stage, pointer);
    expect(after.x).toBeCloseTo(before.x, 9);
    expect(after.y).toBeCloseTo(before.y, 9);
  });

  it('has the sides of the patient at its edges, as it is turned', () => {
    const at = fitted(head, stage);
    expect(edges(head, at)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    expect(edges(head, { ...at, flippedX: true })?.left).toBe('L');
    expect(letters([0.7, 0.7, 0])).toBe('LP');
    expect(letters([0, 0, -1])).toBe('F');
  });
});

describe('measures', () => {
  it('are in mm, by rows and columns', () => {
    expect(distance(head, { x: 0, y: 0 }, { x: 3, y: 2 })).toEqual({ value: 5, unit: 'mm' });
  });

  it('are in pixels where nobody knows how large these are', () => {
    const unknown = { ...head, Spacing: null, Aspect: 1 };
    expect(distance(unknown, { x: 0, y: 0 }, { x: 3, y: 4 })).toEqual({ value: 5, unit: 'px' });
  });

  it('are in the patient from the middle of the first pixel on', () => {
    expect(inPatient(head, { x: 0.5, y: 0.5 })).toEqual([-10, -20, 30]);
    expect(inPatient(head, { x: 3.5, y: 1.5 })).toEqual([-7, -18, 30]);
    expect(inPatient({ ...head, SpacingAt: 'detector' }, { x: 0, y: 0 })).toBeNull();
    expect(location(head)).toBe(30);
  });
});
