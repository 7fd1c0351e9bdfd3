// SPDX-License-Identifier: Apache-2.0
/** Metadata and attachments of what is selected. */
import { useQuery } from '@tanstack/react-query';
import { useLocale, useTranslations } from 'use-intl';
import { timeFormat } from '../formats';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { attachmentsQuery, type Level, metadataQuery, type StudyAnswer } from './queries';
import styles from './study.module.css';

interface Props {
  study: StudyAnswer;
  series: string | undefined;
  instance: string | undefined;
}

export function Files({ study, series, instance }: Props) {
  const t = useTranslations('study');
  const [level, id]: [Level, string] = instance
    ? ['instances', instance]
    : series
      ? ['series', series]
      : ['studies', study.ID];
  const attachments = useQuery(attachmentsQuery(level, id));
  const metadata = useQuery(metadataQuery(level, id));
  const error = attachments.error ?? metadata.error;
  if (error) return <Failure error={error} retry={() => void attachments.refetch()} />;
  const names = Object.keys(attachments.data ?? {});
  const values = Object.entries(metadata.data ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return (
    <div className={styles.sections}>
      <p className={styles.quietText}>{t(`of_${level}`)}</p>
      <section>
        <h2>{t('attachments')}</h2>
        {names.length === 0 && <p className={styles.quietText}>{t('noAttachments')}</p>}
        <ul className={styles.list}>
          {names.map((name) => (
            <li key={name}>
              <a href={`/${level}/${id}/attachments/${name}/data`} download>
                <Icon name="download" size={16} />
                {name}
              </a>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>{t('metadata')}</h2>
        <dl className={styles.facts2}>
          {values.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd dir="auto">
                <Metadata name={name} value={value ?? ''} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}

/** Orthanc's moments are in UTC, as `20260514T101233`. */
function Metadata({ name, value }: { name: string; value: string }) {
  const locale = useLocale();
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(value);
  if (!match || !/Date|Update/.test(name)) return value;
  const [, year, month, day, hour, minute, second] = match;
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return (
    <time dateTime={moment.toISOString()}>
      {timeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(moment)}
    </time>
  );
}
