// SPDX-License-Identifier: Apache-2.0
/** What is scheduled for modalities: entries of the store, which can be changed, and files of a folder. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button, useLocale } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { del } from '../api/client';
import type { KnownWorklist } from '../api/schema';
import { useMay } from '../api/session';
import { TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import styles from '../network/network.module.css';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { dateTimeText, personName } from '../studies/dicom';
import { inOrder, matches, worklistsQuery } from './entries';
import { WorklistForm } from './WorklistForm';

export function WorklistPage() {
  const t = useTranslations('worklists');
  const may = useMay();
  const { data, error, refetch } = useQuery(worklistsQuery);
  const [edited, setEdited] = useState<KnownWorklist | 'new' | null>(null);
  const [removed, setRemoved] = useState<KnownWorklist | null>(null);
  const form = useForm({ text: '' }, {});
  const entries = inOrder(data?.entries ?? []);
  const shown = entries.filter((one) => matches(one, form.values.text));
  return (
    <Page title={t('title')}>
      <div className={styles.bar}>
        <p className={styles.lead}>{t('lead')}</p>
        {may('worklists') && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {t('add')}
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data?.folderProblem && (
        <p role="alert" className={styles.bad}>
          <Icon name="close" size={16} />
          <span>{t('folderProblem', { why: data.folderProblem })}</span>
        </p>
      )}
      {data && entries.length === 0 && <p className={styles.empty}>{t('none')}</p>}
      {entries.length > 0 && (
        <TextLine form={form} name="text" label={t('find')} hint={t('findHint')} />
      )}
      {entries.length > 0 && shown.length === 0 && <p className={styles.empty}>{t('noMatch')}</p>}
      {shown.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
        <section className={styles.wide} tabIndex={0} aria-label={t('title')}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('patient')}</th>
                <th scope="col">{t('when')}</th>
                <th scope="col">{t('procedure')}</th>
                <th scope="col">{t('where')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {shown.map((one) => (
                <Entry
                  key={one.id || one.file}
                  entry={one}
                  may={may('worklists')}
                  change={() => setEdited(one)}
                  remove={() => setRemoved(one)}
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {data?.more && <p className={styles.soft}>{t('more')}</p>}
      {edited && (
        <WorklistForm known={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />
      )}
      {removed && <DeleteDialog entry={removed} onClose={() => setRemoved(null)} />}
    </Page>
  );
}

interface EntryProps {
  entry: KnownWorklist;
  may: boolean;
  change: () => void;
  remove: () => void;
}

function Entry({ entry: { id, file, problem, steps, fields }, may, change, remove }: EntryProps) {
  const t = useTranslations('worklists');
  const { locale } = useLocale();
  const name = personName(fields.PatientName ?? '') || fields.PatientID || t('nobody');
  const date = fields.ScheduledProcedureStepStartDate ?? '';
  const procedure =
    fields.RequestedProcedureDescription || fields.ScheduledProcedureStepDescription;
  return (
    <tr>
      <th scope="row">
        {!problem && <bdi>{name}</bdi>}
        {!problem && name !== fields.PatientID && (
          <bdi className={styles.below}>{fields.PatientID}</bdi>
        )}
        {file && (
          <span className={styles.origin}>
            <Icon name="lock" size={14} />
            <bdi>{t('file', { name: file })}</bdi>
          </span>
        )}
      </th>
      {problem ? (
        <td colSpan={4}>
          <span className={styles.bad}>
            <Icon name="close" size={16} />
            <span>
              {t('noEntry')} <bdi lang="en">{problem}</bdi>
            </span>
          </span>
        </td>
      ) : (
        <>
          <td>
            {date
              ? dateTimeText(date, fields.ScheduledProcedureStepStartTime ?? '', locale)
              : t('undated')}
            {steps > 1 && <span className={styles.below}>{t('steps', { count: steps })}</span>}
          </td>
          <td>
            <bdi>{procedure}</bdi>
            {fields.AccessionNumber && (
              <span className={styles.below}>
                {t('accession', { number: fields.AccessionNumber })}
              </span>
            )}
          </td>
          <td>
            <bdi>
              {[fields.Modality, fields.ScheduledStationAETitle].filter(Boolean).join(' · ')}
            </bdi>
            {fields.ScheduledPerformingPhysicianName && (
              <bdi className={styles.below}>
                {personName(fields.ScheduledPerformingPhysicianName)}
              </bdi>
            )}
          </td>
          <td>
            {may && id && (
              <div className={styles.actions}>
                <Button aria-label={t('changeOf', { name })} onPress={change}>
                  {t('change')}
                </Button>
                <Button aria-label={t('deleteOf', { name })} onPress={remove}>
                  {t('delete')}
                </Button>
              </div>
            )}
          </td>
        </>
      )}
    </tr>
  );
}

function DeleteDialog({ entry, onClose }: { entry: KnownWorklist; onClose: () => void }) {
  const t = useTranslations('worklists');
  const queries = useQueryClient();
  const { show } = useNotices();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const name = personName(entry.fields.PatientName ?? '') || t('nobody');
  const run = async () => {
    setBusy(true);
    try {
      await del(`/worklists/${entry.id}`);
      await queries.invalidateQueries({ queryKey: worklistsQuery.queryKey });
      show({ text: t('deleted', { name }) });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={t('deleteTitle', { name })}
      action={t('delete')}
      danger
      busy={busy}
      onAction={() => void run()}
      onClose={onClose}
    >
      <p>{t('deleteWhat')}</p>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
