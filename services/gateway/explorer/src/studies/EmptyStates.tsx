// SPDX-License-Identifier: Apache-2.0
/** What to do where there is nothing to show. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { useMay, useSession } from '../api/session';
import { type Address, type Asked, TEXT_FILTERS, type TextFilter } from './address';
import styles from './EmptyStates.module.css';
import { askedElsewhere } from './elsewhere';
import { type Loss, lossesQuery } from './search';

export function EmptyStore() {
  const t = useTranslations('studies');
  const session = useSession();
  const may = useMay();
  const { hostname, origin } = window.location;
  return (
    <div className={styles.empty}>
      <h2>{t('emptyTitle')}</h2>
      {may('upload') && (
        <p>
          <Link to="/upload" className={styles.upload}>
            {t('emptyUpload')}
          </Link>
        </p>
      )}
      <p>{t('emptySend')}</p>
      <dl className={styles.facts}>
        <dt>{t('aet')}</dt>
        <dd>
          <code>{session?.aet}</code>
        </dd>
        <dt>{t('host')}</dt>
        <dd>
          <code>{hostname}</code>
        </dd>
        <dt>{t('port')}</dt>
        <dd>
          <code>{session?.dicomPort}</code>
        </dd>
      </dl>
      <p>{t('emptyScript')}</p>
      <pre className={styles.script}>curl {origin}/instances --data-binary @image.dcm</pre>
    </div>
  );
}

interface NoMatchProps {
  address: Address;
  asked: Asked;
  onChange: (address: Address) => void;
}

/** Which piece of the search is too much: with it taken away there are so many. */
export function NoMatch({ address, asked, onChange }: NoMatchProps) {
  const t = useTranslations('studies');
  const locale = useLocale();
  const may = useMay();
  const { data: all = [] } = useQuery(lossesQuery(asked));
  // Of equal words each other one would be left: it is named once.
  const losses = all.filter(
    ({ kind, value }, at) =>
      at === all.findIndex((one) => one.kind === kind && one.value === value),
  );
  // A word is looked for in what is said of studies, and may be said of their series or device.
  const words = losses.filter(({ kind }) => kind === 'text');
  const helpful = losses.filter(({ count }) => count.value > 0);
  return (
    <div className={styles.empty}>
      <h2>{t('noMatch')}</h2>
      {(helpful.length > 0 || words.length > 0) && (
        <ul className={styles.losses}>
          {helpful.map((loss) => (
            <li key={`${loss.kind} ${loss.value}`}>
              <button type="button" onClick={() => onChange(lessOf(address, loss))}>
                <span>
                  {t.rich('without', {
                    quoted,
                    value: loss.kind === 'filter' ? t(`filter_${filterOf(loss)}`) : loss.value,
                  })}
                </span>
              </button>
              <span>
                {t('wouldBe', {
                  count: loss.count.value,
                  number: loss.count.value.toLocaleString(locale),
                })}
              </span>
            </li>
          ))}
          {words.map((loss) => (
            <li key={`series ${loss.value}`}>
              <button type="button" onClick={() => onChange(wordAs('series', address, loss))}>
                <span>{t.rich('inSeries', { quoted, value: loss.value })}</span>
              </button>
              <button type="button" onClick={() => onChange(wordAs('station', address, loss))}>
                <span>{t.rich('ofStation', { quoted, value: loss.value })}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <p className={styles.ways}>
        <button type="button" onClick={() => onChange({})} className={styles.all}>
          {t('showAll')}
        </button>
        {may('query') && (
          <Link to="/remote/{-$names}" search={askedElsewhere(address)} className={styles.all}>
            {t('askElsewhere')}
          </Link>
        )}
      </p>
    </div>
  );
}

/** What was written from right to left leaves the marks around it where they are. */
const quoted = (text: ReactNode) => <bdi>{text}</bdi>;

/** The search for a word in the descriptions of series, or as the name of a device, instead. */
function wordAs(kind: 'series' | 'station', address: Address, { value, without }: Loss): Address {
  const word = /\s/.test(value) ? `${kind}:"${value}"` : `${kind}:${value}`;
  return { ...address, q: [word, without].filter(Boolean).join(' ') };
}

/** Names of filters as the search has them, and as the address does. */
const IN_THE_ADDRESS: Record<string, TextFilter | 'modality' | 'label' | 'state'> = {
  ...Object.fromEntries(TEXT_FILTERS.map((name) => [name, name])),
  modalities: 'modality',
  labels: 'label',
  states: 'state',
};

function filterOf({ value }: Loss) {
  const name = IN_THE_ADDRESS[value];
  if (!name) throw new Error(`no filter of the address: ${value}`);
  return name;
}

function lessOf(address: Address, loss: Loss): Address {
  if (loss.kind !== 'filter') {
    const { q: _, ...others } = address;
    return loss.without ? { ...others, q: loss.without } : others;
  }
  const { [filterOf(loss)]: _, ...others } = address;
  return others;
}
