// SPDX-License-Identifier: Apache-2.0
/** Mouse, pen and fingers on the stage: the chosen tool, and what always works. */
import { type RefObject, useEffect } from 'react';
import { type Point, toFrame } from './geometry';
import { pixelText } from './readout';
import type { Tool, Viewer } from './viewer';

const NOTCH = 100;
const PIXELS_PER_SLICE = 12;
/** CSS pixels within which a click is no drag. */
const STILL = 4;

export function usePointer(
  viewer: Viewer,
  stage: RefObject<HTMLDivElement | null>,
  value: RefObject<HTMLOutputElement | null>,
): void {
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const pointers = new Map<number, Point>();
    let tool: Tool = 'window';
    let rest = 0;
    let begun: Point | null = null;
    /** The first end of a length whose second end comes by a further click. */
    let measuring: Point | null = null;
    let dragged = false;
    let wheel = 0;

    const at = (event: MouseEvent): Point => {
      const box = element.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const inFrame = (point: Point): Point | null => {
      const { head } = viewer.snapshot();
      const placement = viewer.placement();
      return head && placement ? toFrame(head, placement, viewer.size, point) : null;
    };
    /** Where the pointer is, whose value is that of the frame that is drawn by now. */
    let over: Point | null = null;
    const tell = () => {
      const frame = viewer.drawn;
      const point = over && inFrame(over);
      if (value.current) value.current.textContent = frame && point ? pixelText(frame, point) : '';
    };
    const measure = (to: Point, add: boolean) => {
      const from = measuring;
      if (from) viewer.measure({ slice: viewer.snapshot().slice, from, to }, add);
    };

    const down = (event: PointerEvent) => {
      if (!(event.target instanceof Element) || event.target.closest('button, a, details')) return;
      element.setPointerCapture(event.pointerId);
      const point = at(event);
      pointers.set(event.pointerId, point);
      begun = point;
      dragged = false;
      rest = 0;
      tool = toolOf(event, viewer.snapshot().tool);
      if (tool === 'length') {
        const place = inFrame(point);
        if (measuring && place) measure(place, false);
        else if (place) {
          measuring = place;
          measure(place, true);
          return;
        }
        if (measuring) measuring = null;
        tool = 'length';
        begun = null;
      }
    };
    const move = (event: PointerEvent) => {
      over = at(event);
      tell();
      const before = pointers.get(event.pointerId);
      const point = at(event);
      if (!before) {
        const place = inFrame(point);
        if (measuring && place) measure(place, false);
        return;
      }
      pointers.set(event.pointerId, point);
      if (begun && Math.hypot(point.x - begun.x, point.y - begun.y) > STILL) dragged = true;
      const [dx, dy] = [point.x - before.x, point.y - before.y];
      if (pointers.size === 2) pinch(event.pointerId, before, point);
      else if (tool === 'window') viewer.dragWindow(dx, dy);
      else if (tool === 'pan') viewer.pan(dx, dy);
      else if (tool === 'zoom' && begun) viewer.zoom(2 ** (-dy / 120), begun);
      else if (tool === 'scroll') {
        rest += dy;
        const steps = Math.trunc(rest / PIXELS_PER_SLICE);
        rest -= steps * PIXELS_PER_SLICE;
        if (steps) viewer.step(steps);
      } else if (tool === 'length') {
        const place = inFrame(point);
        if (place) measure(place, false);
      }
    };
    const pinch = (moved: number, before: Point, now: Point) => {
      const other = [...pointers].find(([id]) => id !== moved)?.[1];
      if (!other) return;
      const apart = (point: Point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      viewer.zoom(apart(now) / apart(before), other);
      viewer.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    };
    const up = (event: PointerEvent) => {
      pointers.delete(event.pointerId);
      // After a drag the length is complete; after a click its other end is the next one.
      if (tool === 'length' && dragged) measuring = null;
    };
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey) {
        viewer.zoom(2 ** (-event.deltaY / 240), at(event));
        return;
      }
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : NOTCH;
      wheel += event.deltaY * unit;
      const steps = Math.trunc(wheel / NOTCH);
      wheel -= steps * NOTCH;
      if (steps) viewer.step(steps);
    };
    const leave = () => {
      over = null;
      tell();
    };
    const noMenu = (event: Event) => event.preventDefault();

    const stop = viewer.subscribe(tell);
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointercancel', up);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('contextmenu', noMenu);
    element.addEventListener('wheel', turn, { passive: false });
    return () => {
      stop();
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointercancel', up);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('contextmenu', noMenu);
      element.removeEventListener('wheel', turn);
    };
  }, [viewer, stage, value]);
}

/** The right button zooms, the middle one and Shift pan, whatever tool is chosen. */
function toolOf(event: PointerEvent, chosen: Tool): Tool {
  if (event.button === 2) return 'zoom';
  if (event.button === 1 || event.shiftKey) return 'pan';
  return chosen;
}
