// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type Display, displayOf, modalityOf, paint, shades, windowed } from './display';
import type { Frame, Head, Kind, Table, Values } from './frame';

function head(more: Partial<Head> = {}): Head {
  return {
    Slice: 0,
    Instance: 'i',
    Frame: 0,
    Content: 'c',
    Number: 1,
    Rows: 1,
    Columns: 4,
    Pixels: 'Int16',
    Photometric: 'MONOCHROME2',
    BitsStored: 16,
    Lossy: false,
    Position: null,
    Orientation: null,
    Spacing: null,
    SpacingAt: '',
    Aspect: 1,
    Slope: 1,
    Intercept: 0,
    Units: '',
    ModalityLut: null,
    Windows: [],
    Function: 'LINEAR',
    VoiLuts: [],
    Padding: null,
    Least: 0,
    Greatest: 255,
    ...more,
  };
}

function table(first: number, bits: number, values: number[]): Table {
  const bytes = new Uint8Array(new Uint16Array(values).buffer);
  return { First: first, Bits: bits, Explanation: '', Values: btoa(String.fromCharCode(...bytes)) };
}

/** Red, green and blue of each pixel. */
function painted(told: Head, values: Values, display: Display = displayOf(told)): number[][] {
  const frame: Frame = { head: told, values };
  const pixels = new Uint32Array(told.Rows * told.Columns);
  paint(frame, display, pixels);
  return [...pixels].map((one) => {
    expect(one >>> 24).toBe(255);
    return [one & 255, (one >> 8) & 255, (one >> 16) & 255];
  });
}

const greys = (told: Head, values: Values, display?: Display) =>
  painted(told, values, display).map(([r, g, b]) => {
    expect([g, b]).toEqual([r, r]);
    return r;
  });

describe('windows', () => {
  it('are those of the standard', () => {
    // PS3.3 C.11.2.1.2.1: c=2048, w=4096 and c=0, w=100 for an output of 0 to 255.
    const wide = windowed({ center: 2048, width: 4096 }, 'LINEAR');
    expect([wide(0), wide(4095), wide(-5), wide(9999)]).toEqual([0, 255, 0, 255]);
    expect(wide(2047)).toBeCloseTo(((2047 - 2047.5) / 4095 + 0.5) * 255, 9);
    const exact = windowed({ center: 0, width: 100 }, 'LINEAR_EXACT');
    expect([exact(-50), exact(0), exact(50)]).toEqual([0, 127.5, 255]);
    const sigmoid = windowed({ center: 40, width: 400 }, 'SIGMOID');
    expect(sigmoid(40)).toBeCloseTo(127.5, 9);
    expect(sigmoid(140)).toBeCloseTo(255 / (1 + Math.exp(-1)), 9);
  });

  it('of width 1 are a threshold', () => {
    const narrow = windowed({ center: 40, width: 1 }, 'LINEAR');
    expect([narrow(39), narrow(39.5), narrow(40)]).toEqual([0, 0, 255]);
  });

  it('below a width of 1 are taken as they are', () => {
    const narrow = windowed({ center: 1, width: 0.5 }, 'LINEAR');
    expect([narrow(0.75), narrow(1), narrow(1.25)]).toEqual([0, 127.5, 255]);
  });
});

describe('a frame', () => {
  it('is shown by the first window of its header, after slope and intercept', () => {
    const told = head({
      Slope: 2,
      Intercept: -1024,
      Windows: [
        { Center: 40.5, Width: 401, Explanation: 'SOFT' },
        { Center: -600, Width: 1500, Explanation: 'LUNG' },
      ],
    });
    // HU -160, 40, 240 and far below.
    expect(greys(told, new Int16Array([432, 532, 632, -5]))).toEqual([0, 128, 255, 0]);
  });

  it('without a window goes from its least value to its greatest', () => {
    const told = head({ Least: -100, Greatest: 300 });
    expect(greys(told, new Int16Array([-100, 100, 300, 200]))).toEqual([0, 128, 255, 191]);
  });

  it('of one value is dark, or as its window says', () => {
    const told = head({ Least: 40, Greatest: 40 });
    expect(greys(told, new Int16Array([40, 40, 40, 40]))).toEqual([0, 0, 0, 0]);
    const windowed = head({ ...told, Windows: [{ Center: 40.5, Width: 3, Explanation: '' }] });
    expect(greys(windowed, new Int16Array([40, 40, 40, 40]))).toEqual([128, 128, 128, 128]);
  });

  it('is bright where MONOCHROME1 is low, and the other way round inverted', () => {
    const told = head({ Photometric: 'MONOCHROME1', Least: 0, Greatest: 10 });
    expect(greys(told, new Int16Array([0, 10, 5, 0]))).toEqual([255, 0, 127, 255]);
    const inverted = { ...displayOf(told), inverted: true };
    expect(greys(told, new Int16Array([0, 10, 5, 0]), inverted)).toEqual([0, 255, 128, 0]);
  });

  it('is black where there is no pixel, inverted or not', () => {
    const told = head({ Padding: [-2000, -1990], Photometric: 'MONOCHROME1', Greatest: 10 });
    expect(greys(told, new Int16Array([-2000, -1995, -1990, 0]))).toEqual([0, 0, 0, 255]);
  });

  it.each<[Kind, Values, number[]]>([
    ['Uint8', new Uint8Array([0, 255, 128, 1]), [0, 255, 128, 1]],
    ['Int8', new Int8Array([-128, 127, 0, -1]), [0, 255, 128, 127]],
    ['Uint16', new Uint16Array([0, 65535, 32768, 257]), [0, 255, 128, 1]],
    ['Int16', new Int16Array([-32768, 32767, 0, -1]), [0, 255, 128, 127]],
    ['Uint32', new Uint32Array([0, 4294967295, 2147483648, 0]), [0, 255, 128, 0]],
    ['Float32', new Float32Array([0, 1, 0.5, Number.NaN]), [0, 255, 128, 0]],
  ])('of %s has the same shades by table and by value', (kind, values, expected) => {
    const numbers = [...values].filter((one) => !Number.isNaN(one));
    const told = head({
      Pixels: kind,
      Least: Math.min(...numbers),
      Greatest: Math.max(...numbers),
    });
    expect(greys(told, values)).toEqual(expected);
    const shade = shades(told, displayOf(told));
    expect([...values].map(shade)).toEqual(expected);
  });

  it('has modality values by a table where there is one', () => {
    const told = head({ ModalityLut: table(-1, 16, [100, 200, 400]), Least: -1, Greatest: 1 });
    expect([-5, -1, 0, 1, 7].map(modalityOf(told))).toEqual([100, 100, 200, 400, 400]);
    expect(greys(told, new Int16Array([-1, 0, 1, 9]))).toEqual([0, 85, 255, 255]);
  });

  it('without a window is shown by its VOI LUT, of so many bits', () => {
    const told = head({ VoiLuts: [table(10, 10, [0, 1023, 512])] });
    expect(displayOf(told).voiLut).toBe(0);
    expect(greys(told, new Int16Array([9, 10, 11, 12]))).toEqual([0, 0, 255, 128]);
    const dragged = { ...displayOf(told), voiLut: null };
    expect(greys(told, new Int16Array([9, 10, 11, 12]), dragged)).toEqual([0, 0, 128, 255]);
  });

  it('in colour keeps its colours', () => {
    const told = head({ Pixels: 'RGB', Photometric: 'RGB', Columns: 2 });
    const values = new Uint8Array([1, 2, 3, 255, 0, 128]);
    expect(painted(told, values)).toEqual([
      [1, 2, 3],
      [255, 0, 128],
    ]);
    const inverted = { ...displayOf(told), inverted: true };
    expect(painted(told, values, inverted)[0]).toEqual([254, 253, 252]);
  });
});
