// SPDX-License-Identifier: Apache-2.0
/** Windows to choose from: those of the header, then those that a modality is looked at with. */
import { type Display, fullWindow } from './display';
import type { Head } from './frame';

export interface Preset {
  id: string;
  /** A text of the file, or the name of a message. */
  text?: string;
  message?: CtPreset | 'wholeRange' | 'asFile';
  display: Pick<Display, 'window' | 'function' | 'voiLut'>;
}

const CT = {
  soft: [40, 400],
  lung: [-600, 1500],
  bone: [400, 1800],
  brain: [40, 80],
  liver: [80, 160],
  angio: [300, 600],
} as const;
type CtPreset = keyof typeof CT;

export function presetsOf(head: Head, modality: string): Preset[] {
  if (head.Pixels === 'RGB') return [];
  const found: Preset[] = [];
  head.Windows?.forEach((one, number) => {
    const window = { center: one.Center, width: one.Width };
    found.push({
      id: `window-${number}`,
      ...(one.Explanation ? { text: one.Explanation } : { message: 'asFile' as const }),
      display: { window, function: head.Function ?? 'LINEAR', voiLut: null },
    });
  });
  head.VoiLuts?.forEach((one, number) => {
    found.push({
      id: `lut-${number}`,
      text: one.Explanation || `LUT ${number + 1}`,
      display: { window: fullWindow(head), function: 'LINEAR_EXACT', voiLut: number },
    });
  });
  found.push({
    id: 'whole',
    message: 'wholeRange',
    display: { window: fullWindow(head), function: 'LINEAR_EXACT', voiLut: null },
  });
  if (modality === 'CT') {
    for (const [name, [center, width]] of Object.entries(CT)) {
      found.push({
        id: name,
        message: name as CtPreset,
        display: { window: { center, width }, function: 'LINEAR', voiLut: null },
      });
    }
  }
  return found;
}
