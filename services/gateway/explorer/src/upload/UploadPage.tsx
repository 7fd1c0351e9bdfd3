// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query';
import { memo, useState } from 'react';
import { Button, FileTrigger } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { get } from '../api/client';
import { useMay, useSession } from '../api/session';
import { Icon } from '../shell/Icon';
import { Page } from '../shell/Page';
import { personName, sizeText } from '../studies/dicom';
import { chosen } from './found';
import { useUploads } from './queue';
import { reportOf } from './report';
import { stageOf, type Upload } from './transfers';
import styles from './UploadPage.module.css';

const SHOWN = 200;
const PROBLEMS = new Set(['partly', 'notDicom', 'refused', 'failed', 'cancelled']);

export function UploadPage() {
  const t = useTranslations('upload');
  const locale = useLocale();
  const shell = useTranslations('shell');
  const session = useSession();
  const barred = !useMay()('upload') && session;
  const queue = useUploads();
  const [problems, setProblems] = useState(false);
  const totals = queue.totals();
  const listed = problems
    ? queue.uploads.filter(({ state }) => PROBLEMS.has(state))
    : queue.uploads;
  const add = (files: FileList | null) =>
    void queue.gather((give, stop) => chosen(files, give, stop));
  return (
    <Page title={t('title')}>
      {barred ? (
        <p role="note">{shell(session.readOnly ? 'readOnlyWhy' : 'errorForbidden')}</p>
      ) : (
        <div className={styles.drop}>
          <Icon name="upload" size={28} />
          <p>{t('drop')}</p>
          <div className={styles.buttons}>
            <FileTrigger allowsMultiple onSelect={add}>
              <Button className={styles.primary}>{t('chooseFiles')}</Button>
            </FileTrigger>
            <FileTrigger acceptDirectory onSelect={add}>
              <Button className={styles.button}>{t('chooseFolder')}</Button>
            </FileTrigger>
          </div>
        </div>
      )}
      {totals.files > 0 && (
        <>
          <section className={styles.state} aria-label={t('progressLabel')}>
            <progress
              aria-label={t('progressLabel')}
              max={totals.size || 1}
              value={totals.size ? totals.sent : totals.done}
            />
            <p>
              {t('progress', {
                done: totals.done.toLocaleString(locale),
                all: totals.files,
                sent: sizeText(totals.sent, locale),
                size: sizeText(totals.size, locale),
              })}
            </p>
            {queue.awaiting && queue.busy && <p>{t('awaiting')}</p>}
            <div className={styles.buttons}>
              {queue.busy && (
                <>
                  <Button
                    className={styles.button}
                    onPress={() => (queue.paused ? queue.resume() : queue.pause())}
                  >
                    {queue.paused ? t('resume') : t('pause')}
                  </Button>
                  <Button className={styles.button} onPress={() => queue.cancel()}>
                    {t('cancel')}
                  </Button>
                </>
              )}
              {totals.failed > 0 && (
                <Button className={styles.button} onPress={() => queue.retry()}>
                  {t('retry', { count: totals.failed })}
                </Button>
              )}
              <Button className={styles.button} onPress={() => reportOf(queue.uploads, t)}>
                {t('report')}
              </Button>
              {!queue.busy && (
                <Button className={styles.button} onPress={() => queue.clear()}>
                  {t('clear')}
                </Button>
              )}
            </div>
          </section>
          {queue.studies.size > 0 && (
            <section>
              <h2 className={styles.title}>{t('studies')}</h2>
              <ul className={styles.studies}>
                {[...queue.studies].slice(0, SHOWN).map(([id, images]) => (
                  <Study key={id} id={id} images={images} />
                ))}
              </ul>
            </section>
          )}
          <section>
            <h2 className={styles.title}>{t('files')}</h2>
            <label className={styles.only}>
              <input
                type="checkbox"
                checked={problems}
                onChange={(event) => setProblems(event.target.checked)}
              />
              {t('showProblems')}
            </label>
            <table className={styles.files}>
              <thead>
                <tr>
                  <th scope="col">{t('columnFile')}</th>
                  <th scope="col">{t('columnSize')}</th>
                  <th scope="col">{t('columnState')}</th>
                </tr>
              </thead>
              <tbody>
                {listed.slice(0, SHOWN).map((upload, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a path may come twice, a place not
                  <Line key={`${index} ${upload.path}`} {...shownOf(upload)} />
                ))}
              </tbody>
            </table>
            {listed.length > SHOWN && <p className={styles.more}>{t('more', { count: SHOWN })}</p>}
          </section>
        </>
      )}
    </Page>
  );
}

type Shown = Pick<Upload, 'path' | 'size' | 'why' | 'whyKey'> & {
  stage: ReturnType<typeof stageOf>;
};

function shownOf(upload: Upload): Shown {
  const { path, size, why, whyKey } = upload;
  return { path, size, why, whyKey, stage: stageOf(upload) };
}

/** Drawn when what it shows has changed: of the uploads on the page few do at a time. */
const Line = memo(function Line({ path, size, stage, why, whyKey }: Shown) {
  const t = useTranslations('upload');
  const locale = useLocale();
  return (
    <tr>
      <td>
        <bdi>{path}</bdi>
      </td>
      <td className={styles.size}>{sizeText(size, locale)}</td>
      <td data-state={stage}>
        {t(`state_${stage}`)}
        {(whyKey || why) && (
          <span className={styles.why}>
            {' '}
            {whyKey ? t(whyKey) : ''} {why}
          </span>
        )}
      </td>
    </tr>
  );
});

interface Told {
  PatientMainDicomTags?: { PatientName?: string; PatientID?: string };
  MainDicomTags?: { StudyDescription?: string };
}

function Study({ id, images }: { id: string; images: number }) {
  const t = useTranslations('upload');
  const { data } = useQuery({
    queryKey: ['study', id, 'names'],
    queryFn: ({ signal }) => get<Told>(`/studies/${id}`, { signal }),
  });
  const patient = data?.PatientMainDicomTags;
  const name = personName(patient?.PatientName ?? '') || patient?.PatientID || id;
  return (
    <li>
      <a href={`/explorer/studies/${id}`}>
        <bdi>{name}</bdi>
      </a>
      <span>
        <bdi>{data?.MainDicomTags?.StudyDescription}</bdi> {t('study', { images })}
      </span>
    </li>
  );
}
