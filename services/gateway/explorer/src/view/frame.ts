// SPDX-License-Identifier: Apache-2.0
/** A decoded frame as `/series/{id}/frames` sends it: see docs/frames.md of the store. */

export interface Window {
  center: number;
  width: number;
}

export interface NamedWindow {
  Center: number;
  Width: number;
  Explanation: string;
}

export interface Table {
  First: number;
  Bits: number;
  Explanation: string;
  /** 16-bit little-endian numbers in base64. */
  Values: string;
}

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
export type Kind =
  | 'Uint8'
  | 'Int8'
  | 'Uint16'
  | 'Int16'
  | 'Uint32'
  | 'Int32'
  | 'Float32'
  | 'Float64'
  | 'RGB';

/** What every head says. */
interface Named {
  Slice: number;
  Instance: string;
  Frame: number;
  Content: string;
}

/** A frame without values: `Error` says why. */
export interface Refused extends Named {
  Error: string;
}

export interface Head extends Named {
  Error?: undefined;
  Number: number | null;
  Rows: number;
  Columns: number;
  Pixels: Kind;
  Photometric: string;
  BitsStored: number;
  Lossy: boolean;
  Position: number[] | null;
  Orientation: number[] | null;
  Spacing: [number, number] | null;
  SpacingAt: '' | 'patient' | 'detector' | 'page';
  Aspect: number;
  /** Only grey frames have what follows. */
  Slope?: number;
  Intercept?: number;
  Units?: string;
  ModalityLut?: Table | null;
  Windows?: NamedWindow[];
  Function?: VoiFunction;
  VoiLuts?: Table[];
  Padding?: [number, number] | null;
  Least?: number | null;
  Greatest?: number | null;
}

export type Values =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface Frame {
  head: Head;
  values: Values;
}

export type Arrived = Frame | { head: Refused; values: null };

const ARRAYS = {
  Uint8: Uint8Array,
  Int8: Int8Array,
  Uint16: Uint16Array,
  Int16: Int16Array,
  Uint32: Uint32Array,
  Int32: Int32Array,
  Float32: Float32Array,
  Float64: Float64Array,
  RGB: Uint8Array,
} as const;

/** The values of a frame, which lie in `bytes` from its beginning on. Raises `Error`. */
export function framed(head: Head | Refused, bytes: Uint8Array<ArrayBuffer>): Arrived {
  if (head.Error !== undefined) return { head, values: null };
  const array = ARRAYS[head.Pixels];
  if (!array) throw new Error(`unknown type of values: ${head.Pixels}`);
  const samples = head.Rows * head.Columns * (head.Pixels === 'RGB' ? 3 : 1);
  if (bytes.byteLength !== samples * array.BYTES_PER_ELEMENT) {
    throw new Error(`a frame of ${samples} samples has ${bytes.byteLength} bytes`);
  }
  return { head, values: new array(bytes.buffer, bytes.byteOffset, samples) };
}
