// SPDX-License-Identifier: Apache-2.0
/** The keys of the image page. */
import { useNavigate } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { type Shortcut, useShortcuts } from '../shell/keys';
import type { SeriesAnswer } from '../study/queries';
import { presetsOf } from './presets';
import { RATES, type Tool, type Viewer } from './viewer';

export const TOOLS: { tool: Tool; key: string }[] = [
  { tool: 'window', key: 'w' },
  { tool: 'pan', key: 'p' },
  { tool: 'zoom', key: 'z' },
  { tool: 'length', key: 'm' },
  { tool: 'scroll', key: 's' },
];

interface Props {
  viewer: Viewer;
  modality: string;
  all: SeriesAnswer[];
  id: string;
}

export function useViewerKeys({ viewer, modality, all, id }: Props): void {
  const t = useTranslations('view');
  const navigate = useNavigate();
  const beside = (by: number) => {
    const next = all[all.findIndex((one) => one.ID === id) + by];
    if (next) void navigate({ to: '/view/$series', params: { series: next.ID } });
  };
  const rate = (by: number) => {
    const at = RATES.indexOf(viewer.snapshot().rate as (typeof RATES)[number]);
    const next = RATES[at + by];
    if (next) viewer.setRate(next);
  };
  const preset = (number: number) => {
    const { head } = viewer.snapshot();
    const found = head && presetsOf(head, modality)[number];
    if (found) viewer.show(found.display);
  };
  const move = (keys: string, text: string, run: () => void): Shortcut => ({ keys, text, run });
  useShortcuts([
    move('ArrowDown', t('next'), () => viewer.step(1)),
    move('ArrowUp', t('previous'), () => viewer.step(-1)),
    move('PageDown', t('next10'), () => viewer.step(10)),
    move('PageUp', t('previous10'), () => viewer.step(-10)),
    move('Home', t('first'), () => viewer.goTo(0)),
    move('End', t('last'), () => viewer.goTo(viewer.order.Total - 1)),
    move('.', t('nextFrame'), () => viewer.step(1)),
    move(',', t('previousFrame'), () => viewer.step(-1)),
    move(']', t('nextSeries'), () => beside(1)),
    move('[', t('previousSeries'), () => beside(-1)),
    ...TOOLS.map(({ tool, key }) => move(key, t(`tool_${tool}`), () => viewer.use(tool))),
    ...Array.from({ length: 9 }, (_, number) =>
      move(String(number + 1), t('preset', { number: number + 1 }), () => preset(number)),
    ),
    move('+', t('zoomIn'), () => viewer.zoom(1.25)),
    move('-', t('zoomOut'), () => viewer.zoom(0.8)),
    move('i', t('invert'), () => viewer.show({ inverted: !viewer.snapshot().display?.inverted })),
    move('h', t('flipX'), () => viewer.flip('X')),
    move('f', t('flipY'), () => viewer.flip('Y')),
    move('r', t('reset'), () => viewer.reset()),
    move(' ', t('cine'), () => viewer.play(!viewer.snapshot().playing)),
    move('>', t('faster'), () => rate(1)),
    move('<', t('slower'), () => rate(-1)),
  ]);
}
