// SPDX-License-Identifier: Apache-2.0
/** All that is known of a job, as it is now, and what can be done with it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button, Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import toolbar from '../shell/Toolbar.module.css';
import { personName, sizeText } from '../studies/dicom';
import { ACTIONS } from './JobActions';
import { JobState } from './JobState';
import styles from './jobs.module.css';
import { type Action, jobQuery, resourcesQuery } from './queries';
import { type Asked, isAsked, SureDialog } from './SureDialog';
import { useJobTexts } from './texts';
import { useAct } from './useAct';

/** Resources that are named; others are counted. */
const MOST = 20;

interface Props {
  id: string;
  tick: number;
  mayAct: boolean;
  locale: string;
  onClose: () => void;
}

export function JobDetails({ id, tick, mayAct, locale, onClose }: Props) {
  const t = useTranslations('jobs');
  const shell = useTranslations('shell');
  const texts = useJobTexts();
  const act = useAct();
  const { data, error, refetch } = useQuery(jobQuery(id, tick));
  const [sure, setSure] = useState<Asked | null>(null);
  const run = async (action: Action) => {
    setSure(null);
    await act(action, [id]);
    await refetch();
  };
  const job = data?.row;
  const told = (name: string, value: string) =>
    value && (
      <div>
        <dt>{name}</dt>
        <dd>
          <bdi>{value}</bdi>
        </dd>
      </div>
    );
  return (
    <ModalOverlay className={styles.overlay} isOpen onOpenChange={onClose} isDismissable>
      <Modal className={styles.modal}>
        <Dialog className={styles.details}>
          <header>
            <Heading slot="title">{job ? texts.what(job) : t('job')}</Heading>
            <Button className={toolbar.button} aria-label={shell('close')} onPress={onClose}>
              <Icon name="close" />
            </Button>
          </header>
          {error && !data && <Failure error={error} retry={() => void refetch()} />}
          {data === null && <p>{t('gone')}</p>}
          {data && job && (
            <>
              <p>
                <JobState job={job} />
              </p>
              {data.answer.ErrorDetails && (
                <p className={styles.cause}>{data.answer.ErrorDetails || job.error}</p>
              )}
              {mayAct && job.actions.length > 0 && (
                <div className={styles.buttons}>
                  {ACTIONS.filter(({ action }) => job.actions.includes(action)).map(
                    ({ action, icon }) => (
                      <Button
                        key={action}
                        className={styles.framed}
                        onPress={() => (isAsked(action) ? setSure(action) : void run(action))}
                      >
                        <Icon name={icon} />
                        {t(`do_${action}`)}
                      </Button>
                    ),
                  )}
                </div>
              )}
              <dl className={styles.told}>
                {told(t('column_count'), texts.counted(job))}
                {told(t('failed'), job.failed ? String(job.failed) : '')}
                {told(t('column_created'), texts.moment(job.created))}
                {told(t('column_completed'), texts.moment(job.completed))}
                {told(t('retryAt'), texts.moment(job.retryAt))}
                {told(t('column_took'), texts.took(job))}
                {told(t('left'), texts.left(job))}
                {told(t('identifier'), job.id)}
              </dl>
              {job.outputs.map((output) => (
                <p key={output}>
                  <a href={`/jobs/${job.id}/${output}`} download>
                    {t('download')}
                  </a>{' '}
                  <span className={styles.soft}>{madeSize(data.answer.Content, locale)}</span>
                </p>
              ))}
              {sure && (
                <SureDialog
                  action={sure}
                  count={1}
                  onAction={() => void run(sure)}
                  onClose={() => setSure(null)}
                />
              )}
              <Resources content={data.answer.Content} />
              <details>
                <summary>{t('content')}</summary>
                <pre className={styles.content}>
                  {JSON.stringify(data.answer.Content, null, 2).slice(0, 50_000)}
                </pre>
              </details>
            </>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** How large the ZIP of a job is that packed one (`ArchiveSize`, bytes as text). */
function madeSize({ ArchiveSize }: Record<string, unknown>, locale: string): string {
  return typeof ArchiveSize === 'string' ? sizeText(Number(ArchiveSize), locale) : '';
}

/** What the job is about: `ParentResources` of what is sent, `Resources` of transfers. */
function idsOf(content: Record<string, unknown>): string[] {
  const given = content.ParentResources ?? content.Resources;
  if (!Array.isArray(given)) return [];
  return given.flatMap((one: unknown) => {
    if (typeof one === 'string') return [one];
    const { ID } = (one ?? {}) as { ID?: unknown };
    return typeof ID === 'string' ? [ID] : [];
  });
}

const PLACES: Record<string, string> = {
  Study: 'studies',
  Series: 'series',
  Instance: 'instances',
};

function Resources({ content }: { content: Record<string, unknown> }) {
  const t = useTranslations('jobs');
  const ids = idsOf(content);
  const { data } = useQuery(resourcesQuery(ids.slice(0, MOST)));
  if (!ids.length) return null;
  return (
    <section>
      <h3>{t('resources', { count: ids.length })}</h3>
      <ul className={styles.resources}>
        {data?.map(({ ID, Type, MainDicomTags = {}, PatientMainDicomTags = {} }) => {
          const patient = { ...MainDicomTags, ...PatientMainDicomTags };
          const text = [
            personName(patient.PatientName ?? '') || patient.PatientID,
            MainDicomTags.StudyDescription ?? MainDicomTags.SeriesDescription,
            MainDicomTags.Modality,
          ]
            .filter(Boolean)
            .join(' · ');
          const place = PLACES[Type];
          return (
            <li key={ID}>
              {place ? (
                <a href={`/explorer/${place}/${ID}`}>
                  <bdi>{text || ID}</bdi>
                </a>
              ) : (
                <bdi>{text || ID}</bdi>
              )}
            </li>
          );
        })}
      </ul>
      {ids.length > MOST && (
        <p className={styles.soft}>{t('more', { count: ids.length - MOST })}</p>
      )}
      {data && data.length < Math.min(ids.length, MOST) && (
        <p className={styles.soft}>
          {t('notHere', { count: Math.min(ids.length, MOST) - data.length })}
        </p>
      )}
    </section>
  );
}
