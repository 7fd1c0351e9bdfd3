// SPDX-License-Identifier: Apache-2.0
import { Label, Meter, useLocale } from 'react-aria-components';
import { useFormatter, useTranslations } from 'use-intl';
import type { StoreHistory, StoreState } from '../api/schema';
import { sizeText } from '../studies/dicom';
import styles from './store.module.css';

/** How full the store is, and what it did in the last minute that somebody looked at. */
export function Now({ store, history }: { store: StoreState; history: StoreHistory | undefined }) {
  const t = useTranslations('store');
  const format = useFormatter();
  const { locale } = useLocale();
  const last = history?.queue.findLastIndex((one) => one !== null) ?? -1;
  const rate = history?.instancesPerSecond[last];
  return (
    <section className={styles.section} aria-labelledby="store-now">
      <h2 id="store-now">{t('now')}</h2>
      <dl className={styles.tiles}>
        <Tile name={t('studies')} value={format.number(store.studies)}>
          {t('patients', { count: store.patients })}
        </Tile>
        <Tile name={t('instances')} value={format.number(store.instances)}>
          {t('series', { count: store.series })}
        </Tile>
        <Tile name={t('kept')} value={sizeText(store.storedBytes, locale)}>
          {store.bytes > store.storedBytes
            ? t('before', { size: sizeText(store.bytes, locale) })
            : t('asCame')}
        </Tile>
        {history && last >= 0 && (
          <>
            <Tile
              name={t('coming')}
              value={t('perSecond', {
                number: format.number(rate ?? 0, { maximumSignificantDigits: 3 }),
              })}
            >
              {t('bytesPerSecond', {
                size: sizeText(Math.round(history.bytesPerSecond[last] ?? 0), locale),
              })}
            </Tile>
            <Tile name={t('waiting')} value={format.number(history.queue[last] ?? 0)}>
              {t('lag', { seconds: history.lagSeconds[last] ?? 0 })}
            </Tile>
            <Tile name={t('jobsWaiting')} value={format.number(history.jobsWaiting[last] ?? 0)}>
              {t('jobsFailed', { count: history.jobsFailed[last] ?? 0 })}
            </Tile>
          </>
        )}
      </dl>
      {history && last >= 0 && (
        <p className={styles.soft}>
          {t('minute', {
            time: format.dateTime(new Date((history.at[last] ?? 0) * 1000), { timeStyle: 'short' }),
          })}
        </p>
      )}
      <div className={styles.meters}>
        {store.disk && (
          <Filled
            label={t('disk')}
            value={store.disk.total - store.disk.free}
            most={store.disk.total}
            text={t('diskRoom', {
              free: sizeText(store.disk.free, locale),
              total: sizeText(store.disk.total, locale),
              needed: sizeText(store.disk.needed, locale),
            })}
          />
        )}
        {store.maximumBytes > 0 && (
          <Filled
            label={t('limit')}
            value={store.storedBytes}
            most={store.maximumBytes}
            text={t('limitRoom', {
              kept: sizeText(store.storedBytes, locale),
              most: sizeText(store.maximumBytes, locale),
            })}
          />
        )}
      </div>
    </section>
  );
}

function Tile({ name, value, children }: { name: string; value: string; children: string }) {
  return (
    <div className={styles.tile}>
      <dt>{name}</dt>
      <dd>
        <span className={styles.figure}>{value}</span>
        <span className={styles.soft}>{children}</span>
      </dd>
    </div>
  );
}

interface FilledProps {
  label: string;
  value: number;
  most: number;
  text: string;
}

function Filled({ label, value, most, text }: FilledProps) {
  return (
    <Meter value={value} maxValue={most} valueLabel={text} className={styles.meter}>
      {({ percentage }) => (
        <>
          <Label>{label}</Label>
          <span className={styles.track}>
            <span className={styles.fill} style={{ width: `${percentage}%` }} />
          </span>
          <span className={styles.soft}>{text}</span>
        </>
      )}
    </Meter>
  );
}
