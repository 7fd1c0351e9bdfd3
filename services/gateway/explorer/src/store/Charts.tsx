// SPDX-License-Identifier: Apache-2.0
/** The charts of the history; their code is loaded with them alone. */
import 'uplot/dist/uPlot.min.css';
import { useLocale } from 'react-aria-components';
import { useFormatter, useTranslations } from 'use-intl';
import type { StoreHistory } from '../api/schema';
import { sizeText } from '../studies/dicom';
import { Chart, type Line } from './Chart';
import type { Range } from './queries';
import styles from './store.module.css';

export function Charts({ history, hours }: { history: StoreHistory; hours: Range }) {
  const t = useTranslations('store');
  const format = useFormatter();
  const { locale } = useLocale();
  const number = (value: number) => format.number(value, { maximumSignificantDigits: 3 });
  const size = (value: number) => sizeText(Math.round(value), locale);
  const shown = { at: history.at, hours };
  const came: Line[] = [
    { name: t('instancesPerSecond'), values: history.instancesPerSecond, text: number },
  ];
  const bytes: Line[] = [
    {
      name: t('bytesCame'),
      values: history.bytesPerSecond,
      text: (value) => t('bytesPerSecond', { size: size(value) }),
      short: size,
    },
  ];
  const kept: Line[] = [{ name: t('kept'), values: history.storedBytes, text: size }];
  if (history.freeBytes.some((one) => one !== null)) {
    kept.push({ name: t('free'), values: history.freeBytes, text: size });
  }
  const waits: Line[] = [{ name: t('waiting'), values: history.queue, text: number }];
  const lag: Line[] = [
    {
      name: t('lagOf'),
      values: history.lagSeconds,
      text: (value) => t('seconds', { number: number(value) }),
    },
  ];
  const jobs: Line[] = [
    { name: t('jobsWaiting'), values: history.jobsWaiting, text: number },
    { name: t('jobsGivenUp'), values: history.jobsFailed, text: number },
  ];
  return (
    <div className={styles.charts}>
      <Chart title={t('coming')} lines={came} {...shown} />
      <Chart title={t('bytesCame')} lines={bytes} {...shown} />
      <Chart title={t('room')} lines={kept} {...shown} />
      <Chart title={t('index')} lines={waits} {...shown} />
      <Chart title={t('lagTitle')} lines={lag} {...shown} />
      <Chart title={t('jobs')} lines={jobs} {...shown} />
    </div>
  );
}
