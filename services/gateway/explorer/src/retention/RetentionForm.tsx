// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson, type Revision } from '../api/client';
import type { KnownRetentionRule } from '../api/schema';
import { days, newName } from '../forms/checks';
import { Choice, TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { FormDialog } from '../known/FormDialog';
import {
  areSimple,
  atItsLine,
  Conditions,
  conditionChecks,
  conditionsIn,
  conditionValues,
} from '../routing/Conditions';
import { retentionQuery } from './retention';

const WAYS = ['AfterKeepDays', 'WhenRoomIsNeeded'] as const;

interface Props {
  known: KnownRetentionRule | null;
  taken: string[];
  onClose: () => void;
}

export function RetentionForm({ known, taken, onClose }: Props) {
  const t = useTranslations('retention');
  const texts = useTranslations('known');
  const routing = useTranslations('routing');
  const queries = useQueryClient();
  const rule = known?.rule;
  const when = rule?.When ?? [];
  const [written, setWritten] = useState(!areSimple(when));
  const form = useForm<Record<string, string>>(
    {
      name: known?.name ?? '',
      KeepDays: String(rule?.KeepDays ?? 90),
      Delete: rule?.Delete ?? 'WhenRoomIsNeeded',
      ...conditionValues(when),
    },
    (values) => ({
      ...(known ? {} : { name: newName(taken) }),
      ...conditionChecks(values, written),
      KeepDays: days,
    }),
  );
  const changed = () => queries.invalidateQueries({ queryKey: retentionQuery.queryKey });
  const { KeepDays, Delete } = form.values;
  const name = form.values.name?.trim() ?? '';
  const save = (revision: Revision) => {
    const When = conditionsIn(form.values, written);
    // A rule that is new rests until somebody has looked at what it would do.
    const Enabled = rule?.Enabled ?? false;
    const body = { When, KeepDays: Number(KeepDays?.replace(',', '.')), Delete, Enabled };
    return putJson(`/retention/rules/${name}`, body, { revision }).catch((error) => {
      throw written ? error : atItsLine(error, form.values);
    });
  };
  return (
    <FormDialog
      form={form}
      title={known ? texts('changeOf', { name }) : routing('add')}
      revision={known?.revision ?? 'new'}
      save={save}
      changed={changed}
      saved={texts('saved', { name })}
      onClose={onClose}
    >
      {!known && <TextLine form={form} name="name" label={texts('name')} autoFocus />}
      <TextLine
        form={form}
        name="KeepDays"
        label={t('KeepDays')}
        hint={t('keepHint')}
        autoFocus={known !== null}
      />
      <Choice form={form} name="Delete" label={t('Delete')} of={WAYS.map((one) => [one, t(one)])} />
      <Conditions
        form={form}
        written={written}
        write={() => setWritten(true)}
        hint={t('whenHint')}
      />
    </FormDialog>
  );
}
