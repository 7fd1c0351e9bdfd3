// SPDX-License-Identifier: Apache-2.0
/** Where things are: on the screen, in the frame, in the patient. */
import type { Head } from './frame';

export interface Point {
  x: number;
  y: number;
}

/** How a frame lies on the stage: its middle moved by `x`, `y` from the stage's, turned over, scaled. */
export interface Placement extends Point {
  /** CSS pixels of a column. */
  scale: number;
  flippedX: boolean;
  flippedY: boolean;
}

export interface Size {
  width: number;
  height: number;
}

/** The placement in which all of a frame is seen, as large as it can be. */
export function fitted(head: Head, stage: Size): Placement {
  const height = head.Rows * head.Aspect;
  const scale = Math.min(stage.width / head.Columns, stage.height / height) || 1;
  return { x: 0, y: 0, scale, flippedX: false, flippedY: false };
}

/** The style that draws a canvas of the frame's own size so; it lies with its corner in the middle. */
export function transformOf(head: Head, at: Placement): string {
  const across = at.scale * (at.flippedX ? -1 : 1);
  const down = at.scale * head.Aspect * (at.flippedY ? -1 : 1);
  return `translate(${at.x}px, ${at.y}px) scale(${across}, ${down}) translate(-50%, -50%)`;
}

/** The place in the frame, in columns and rows, of a place on the stage. */
export function toFrame(head: Head, at: Placement, stage: Size, point: Point): Point {
  const across = (point.x - stage.width / 2 - at.x) / at.scale;
  const down = (point.y - stage.height / 2 - at.y) / (at.scale * head.Aspect);
  return {
    x: head.Columns / 2 + (at.flippedX ? -across : across),
    y: head.Rows / 2 + (at.flippedY ? -down : down),
  };
}

/** The other way round. */
export function toStage(head: Head, at: Placement, stage: Size, point: Point): Point {
  const across = (point.x - head.Columns / 2) * (at.flippedX ? -1 : 1);
  const down = (point.y - head.Rows / 2) * (at.flippedY ? -1 : 1);
  return {
    x: stage.width / 2 + at.x + across * at.scale,
    y: stage.height / 2 + at.y + down * at.scale * head.Aspect,
  };
}

/** The placement zoomed by a factor while what is at a point stays there. */
export function zoomed(at: Placement, stage: Size, point: Point, factor: number): Placement {
  const scale = Math.min(Math.max(at.scale * factor, 0.02), 80);
  const by = scale / at.scale;
  const [px, py] = [point.x - stage.width / 2, point.y - stage.height / 2];
  return { ...at, scale, x: px - (px - at.x) * by, y: py - (py - at.y) * by };
}

/** The distance of two places in a frame: in mm where the spacing is known, else in pixels. */
export function distance(head: Head, a: Point, b: Point): { value: number; unit: 'mm' | 'px' } {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  if (!head.Spacing) return { value: Math.hypot(dx, dy * head.Aspect), unit: 'px' };
  const [rows, columns] = head.Spacing;
  return { value: Math.hypot(dx * columns, dy * rows), unit: 'mm' };
}

/** The place in the patient, in mm, of a place in the frame (PS3.3 C.7.6.2.1.1). */
export function inPatient(head: Head, point: Point): [number, number, number] | null {
  const { Position: origin, Orientation: axes, Spacing: spacing } = head;
  if (!origin || !axes || !spacing || head.SpacingAt !== 'patient') return null;
  // The middle of the first pixel is the position.
  const [column, row] = [point.x - 0.5, point.y - 0.5];
  const along = (n: number) =>
    (origin[n] ?? 0) + (axes[n] ?? 0) * spacing[1] * column + (axes[n + 3] ?? 0) * spacing[0] * row;
  return [along(0), along(1), along(2)];
}

/** Where an axis points, by its largest parts: `L`, `PR`, … (PS3.3 C.7.6.1.1.1). */
export function letters(axis: readonly number[]): string {
  const names = [
    ['L', 'R'],
    ['P', 'A'],
    ['H', 'F'],
  ] as const;
  return axis
    .map((part, n) => ({ part, name: names[n]?.[part > 0 ? 0 : 1] ?? '' }))
    .filter(({ part }) => Math.abs(part) > 0.3)
    .sort((a, b) => Math.abs(b.part) - Math.abs(a.part))
    .map(({ name }) => name)
    .join('');
}

export interface Edges {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

/** What is at the edges of the stage: the patient's left, right, front and so on. */
export function edges(head: Head, at: Placement): Edges | null {
  const axes = head.Orientation;
  if (!axes) return null;
  const across = axes.slice(0, 3).map((part) => (at.flippedX ? -part : part));
  const down = axes.slice(3, 6).map((part) => (at.flippedY ? -part : part));
  const away = (axis: number[]) => axis.map((part) => -part);
  return {
    left: letters(away(across)),
    right: letters(across),
    top: letters(away(down)),
    bottom: letters(down),
  };
}

/** Where a slice is along its normal, in mm. */
export function location(head: Head): number | null {
  const { Position: p, Orientation: o } = head;
  if (!p || !o || p.length < 3 || o.length < 6) return null;
  const [ax, ay, az, bx, by, bz] = o as [number, number, number, number, number, number];
  const normal = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
  return normal.reduce((sum, part, n) => sum + part * (p[n] ?? 0), 0);
}
