// SPDX-License-Identifier: Apache-2.0
/** A job in the words of people. */
import { useLocale, useTranslations } from 'use-intl';
import type { JobRow } from '../api/schema';
import { numberFormat, timeFormat } from '../formats';
import { arrived, secondsLeft } from './progress';

const TYPES = [
  'DicomModalityStore',
  'OrthancPeerStore',
  'PushTransfer',
  'PullTransfer',
  'DicomMoveScu',
  'DicomGetScu',
  'Archive',
  'Media',
  'Webhook',
  'StorageCommitmentScp',
] as const;
const KINDS = ['modality', 'peer', 'webhook'] as const;

function isOneOf<T extends string>(known: readonly T[], text: string): text is T {
  return (known as readonly string[]).includes(text);
}

export function useJobTexts() {
  const t = useTranslations('jobs');
  const locale = useLocale();
  const type = (name: string) => (isOneOf(TYPES, name) ? t(`type_${name}`) : name);
  const nameOf = (destination: string) => destination.slice(destination.indexOf(':') + 1);
  const seconds = (value: number, unit: 'second' | 'minute' | 'hour') =>
    numberFormat(locale, {
      style: 'unit',
      unit,
      unitDisplay: 'short',
      maximumFractionDigits: value < 10 ? 1 : 0,
    }).format(value);
  const time = (value: number) =>
    value < 60
      ? seconds(value, 'second')
      : value < 3600
        ? seconds(value / 60, 'minute')
        : seconds(value / 3600, 'hour');
  return {
    type,
    nameOf,
    kind: (destination: string) => {
      const [kind = ''] = destination.split(':');
      return isOneOf(KINDS, kind) ? t(`kind_${kind}`) : kind;
    },
    what: ({ type: name, destination }: Pick<JobRow, 'type' | 'destination'>) =>
      destination ? `${type(name)} ⟶ ${nameOf(destination)}` : type(name),
    state: ({ state, wanted }: Pick<JobRow, 'state' | 'wanted'>) =>
      wanted ? t(`wanted_${wanted}`) : t(`state_${state}`),
    counted: ({ count, ...job }: JobRow) => {
      if (count === null) return '';
      const done = arrived({ ...job, count });
      return `${done.toLocaleString(locale)} / ${count.toLocaleString(locale)}`;
    },
    percent: (part: number) =>
      numberFormat(locale, { style: 'percent' }).format(Math.floor(part * 100) / 100),
    moment: (at: number | null) =>
      at === null
        ? ''
        : timeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' }).format(at * 1000),
    /** Of today the time alone. */
    shortly: (at: number | null) => {
      if (at === null) return '';
      const moment = new Date(at * 1000);
      return moment.toDateString() === new Date().toDateString()
        ? timeFormat(locale, { timeStyle: 'medium' }).format(moment)
        : timeFormat(locale, { dateStyle: 'short', timeStyle: 'short' }).format(moment);
    },
    took: ({ runtime }: JobRow) => time(runtime),
    /** Empty where nobody can tell. */
    left: (job: JobRow) => {
      const left = secondsLeft(job);
      return left === null ? '' : time(Math.ceil(left));
    },
  };
}
