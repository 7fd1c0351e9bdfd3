// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { post, putJson } from '../api/client';
import type { KnownWorklist, WorklistFields } from '../api/schema';
import { anyAet, code, needed } from '../forms/checks';
import { Choice, Group, Pair, TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { FormDialog } from '../known/FormDialog';
import { personName } from '../studies/dicom';
import { clockOf, daOf, dayOf, tmOf, worklistsQuery } from './entries';

const SEXES = ['', 'F', 'M', 'O'] as const;

/** The day of today here, as DA. */
function today(): string {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('');
}

interface Props {
  /** The one that is changed; null for a new one. */
  known: KnownWorklist | null;
  onClose: () => void;
}

export function WorklistForm({ known, onClose }: Props) {
  const t = useTranslations('worklists');
  const queries = useQueryClient();
  const before = known?.fields ?? { ScheduledProcedureStepStartDate: today() };
  const start = {
    PatientName: before.PatientName ?? '',
    PatientID: before.PatientID ?? '',
    PatientBirthDate: dayOf(before.PatientBirthDate ?? ''),
    PatientSex: before.PatientSex ?? '',
    AccessionNumber: before.AccessionNumber ?? '',
    RequestedProcedureID: before.RequestedProcedureID ?? '',
    RequestedProcedureDescription: before.RequestedProcedureDescription ?? '',
    Modality: before.Modality ?? '',
    ScheduledStationAETitle: before.ScheduledStationAETitle ?? '',
    ScheduledProcedureStepStartDate: dayOf(before.ScheduledProcedureStepStartDate ?? ''),
    ScheduledProcedureStepStartTime: clockOf(before.ScheduledProcedureStepStartTime ?? ''),
    ScheduledProcedureStepDescription: before.ScheduledProcedureStepDescription ?? '',
    ScheduledPerformingPhysicianName: before.ScheduledPerformingPhysicianName ?? '',
  };
  const form = useForm(start, {
    PatientName: needed,
    PatientID: needed,
    Modality: code,
    ScheduledStationAETitle: anyAet,
    ScheduledProcedureStepStartDate: needed,
  });
  /** What was typed as DICOM has it; a value that a field of the browser cannot show stays as it was. */
  const written = (): WorklistFields => {
    const fields: WorklistFields = { ...form.values };
    for (const [name, as] of [
      ['PatientBirthDate', daOf],
      ['ScheduledProcedureStepStartDate', daOf],
      ['ScheduledProcedureStepStartTime', tmOf],
    ] as const) {
      const typed = form.values[name];
      fields[name] = typed === start[name] && known ? (before[name] ?? '') : as(typed);
    }
    return fields;
  };
  return (
    <FormDialog
      form={form}
      title={
        known ? t('changeOf', { name: personName(start.PatientName) || t('nobody') }) : t('add')
      }
      revision={known?.revision ?? null}
      save={(revision) =>
        known
          ? putJson(`/explorer/api/worklists/${known.id}`, written(), { revision })
          : post('/explorer/api/worklists', written())
      }
      changed={() => queries.invalidateQueries({ queryKey: worklistsQuery.queryKey })}
      saved={t('saved', { name: personName(form.values.PatientName) })}
      onClose={onClose}
    >
      <TextLine
        form={form}
        name="PatientName"
        label={t('PatientName')}
        hint={t('nameHint')}
        autoFocus
      />
      <TextLine form={form} name="PatientID" label={t('PatientID')} />
      <Pair>
        <TextLine form={form} name="PatientBirthDate" type="date" label={t('PatientBirthDate')} />
        <Choice
          form={form}
          name="PatientSex"
          label={t('PatientSex')}
          of={SEXES.map((one) => [one, t(`sex_${one}`)])}
        />
      </Pair>
      <Group title={t('procedure')}>
        <TextLine
          form={form}
          name="RequestedProcedureDescription"
          label={t('RequestedProcedureDescription')}
        />
        <Pair>
          <TextLine form={form} name="AccessionNumber" label={t('AccessionNumber')} />
          <TextLine form={form} name="RequestedProcedureID" label={t('RequestedProcedureID')} />
        </Pair>
      </Group>
      <Group title={t('step')}>
        <Pair>
          <TextLine
            form={form}
            name="ScheduledProcedureStepStartDate"
            type="date"
            label={t('ScheduledProcedureStepStartDate')}
          />
          <TextLine
            form={form}
            name="ScheduledProcedureStepStartTime"
            type="time"
            label={t('ScheduledProcedureStepStartTime')}
          />
        </Pair>
        <Pair>
          <TextLine form={form} name="Modality" label={t('Modality')} hint={t('modalityHint')} />
          <TextLine
            form={form}
            name="ScheduledStationAETitle"
            label={t('ScheduledStationAETitle')}
          />
        </Pair>
        <TextLine
          form={form}
          name="ScheduledProcedureStepDescription"
          label={t('ScheduledProcedureStepDescription')}
        />
        <TextLine
          form={form}
          name="ScheduledPerformingPhysicianName"
          label={t('ScheduledPerformingPhysicianName')}
        />
      </Group>
    </FormDialog>
  );
}
