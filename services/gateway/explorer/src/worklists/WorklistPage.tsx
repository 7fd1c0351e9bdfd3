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
import styles from '../known/known.module.css';
import { RemoveDialog } from '../known/RemoveDialog';
import { Table } from '../known/Table';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { Page } from '../shell/Page';
import { dateTimeText, personName } from '../studies/dicom';
import { inOrder, matches, worklistsQuery } from './entries';
import { WorklistForm } from './WorklistForm';

export function WorklistPage() {
  const t = useTranslations('worklists');
  const known = useTranslations('known');
  const may = useMay();
  const queries = useQueryClient();
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
        <div className={styles.find}>
          <TextLine form={form} name="text" label={t('find')} hint={t('findHint')} />
        </div>
      )}
      {entries.length > 0 && shown.length === 0 && <p className={styles.empty}>{t('noMatch')}</p>}
      {shown.length > 0 && (
        <Table
          label={t('title')}
          columns={[
            { title: t('patient'), show: (one) => <Patient entry={one} /> },
            { title: t('when'), show: (one) => <When entry={one} /> },
            { title: t('procedure'), show: (one) => <Procedure entry={one} /> },
            { title: t('where'), show: (one) => <Where entry={one} /> },
          ]}
          rows={shown}
          keyOf={({ id, file }) => id || file}
          instead={({ problem }) => problem && <Problem why={problem} />}
          actions={(one) => {
            const name = nameOf(one) || t('nobody');
            return (
              may('worklists') &&
              one.id && (
                <>
                  <Button aria-label={t('changeOf', { name })} onPress={() => setEdited(one)}>
                    {known('change')}
                  </Button>
                  <Button aria-label={t('deleteOf', { name })} onPress={() => setRemoved(one)}>
                    {t('delete')}
                  </Button>
                </>
              )
            );
          }}
        />
      )}
      {data?.more && <p className={styles.soft}>{t('more')}</p>}
      {edited && (
        <WorklistForm known={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />
      )}
      {removed && (
        <RemoveDialog
          title={t('deleteTitle', { name: nameOf(removed) || t('nobody') })}
          action={t('delete')}
          remove={() => del(`/worklists/${removed.id}`, { revision: removed.revision })}
          changed={() => queries.invalidateQueries({ queryKey: worklistsQuery.queryKey })}
          removed={t('deleted', { name: nameOf(removed) || t('nobody') })}
          onClose={() => setRemoved(null)}
        >
          <p>{t('deleteWhat')}</p>
        </RemoveDialog>
      )}
    </Page>
  );
}

interface Props {
  entry: KnownWorklist;
}

const nameOf = ({ fields }: KnownWorklist) =>
  personName(fields.PatientName ?? '') || fields.PatientID;

function Patient({ entry }: Props) {
  const t = useTranslations('worklists');
  const { file, problem, fields } = entry;
  const name = nameOf(entry);
  return (
    <>
      {!problem && <bdi>{name || t('nobody')}</bdi>}
      {!problem && name !== fields.PatientID && (
        <bdi className={styles.below}>{fields.PatientID}</bdi>
      )}
      {file && (
        <span className={styles.origin}>
          <Icon name="lock" size={14} />
          <bdi>{t('file', { name: file })}</bdi>
        </span>
      )}
    </>
  );
}

function Problem({ why }: { why: string }) {
  const t = useTranslations('worklists');
  return (
    <span className={styles.bad}>
      <Icon name="close" size={16} />
      <span>
        {t('noEntry')} <bdi lang="en">{why}</bdi>
      </span>
    </span>
  );
}

function When({ entry: { fields, steps } }: Props) {
  const t = useTranslations('worklists');
  const { locale } = useLocale();
  const date = fields.ScheduledProcedureStepStartDate ?? '';
  return (
    <>
      {date
        ? dateTimeText(date, fields.ScheduledProcedureStepStartTime ?? '', locale)
        : t('undated')}
      {steps > 1 && <span className={styles.below}>{t('steps', { count: steps })}</span>}
    </>
  );
}

function Procedure({ entry: { fields } }: Props) {
  const t = useTranslations('worklists');
  return (
    <>
      <bdi>{fields.RequestedProcedureDescription || fields.ScheduledProcedureStepDescription}</bdi>
      {fields.AccessionNumber && (
        <span className={styles.below}>{t('accession', { number: fields.AccessionNumber })}</span>
      )}
    </>
  );
}

function Where({ entry: { fields } }: Props) {
  const performs = personName(fields.ScheduledPerformingPhysicianName ?? '');
  return (
    <>
      <bdi>{[fields.Modality, fields.ScheduledStationAETitle].filter(Boolean).join(' · ')}</bdi>
      {performs && <bdi className={styles.below}>{performs}</bdi>}
    </>
  );
}
