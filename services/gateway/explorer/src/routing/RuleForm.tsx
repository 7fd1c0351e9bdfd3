// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson, type Revision } from '../api/client';
import type { KnownRule } from '../api/schema';
import { newName } from '../forms/checks';
import { Choice, Group, TextLine, Tick } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { FormDialog } from '../known/FormDialog';
import styles from '../known/known.module.css';
import {
  areSimple,
  atItsLine,
  Conditions,
  conditionChecks,
  conditionsIn,
  conditionValues,
} from './Conditions';
import { rulesQuery, wordsOf } from './rules';
import { type Kept, useDoubts } from './useDoubts';

const EVENTS = ['StableStudy', 'StableSeries', 'NewInstance'] as const;

interface Props {
  known: KnownRule | null;
  taken: string[];
  destinations: string[];
  onClose: () => void;
}

export function RuleForm({ known, taken, destinations, onClose }: Props) {
  const t = useTranslations('routing');
  const texts = useTranslations('known');
  const queries = useQueryClient();
  const rule = known?.rule;
  const when = rule?.When ?? [];
  const [written, setWritten] = useState(!areSimple(when));
  const before = rule?.To ?? [];
  const [to, setTo] = useState(before);
  const form = useForm(
    {
      name: known?.name ?? '',
      // What the store says of conditions is not about these.
      on: rule?.On ?? 'StableStudy',
      labels: (rule?.Label ?? []).join(', '),
      ...conditionValues(when),
    } as Record<string, string>,
    (values) => ({
      ...(known ? {} : { name: newName(taken) }),
      ...conditionChecks(values, written),
      labels: (text) => (to.length > 0 || wordsOf(text).length > 0 ? null : 'wantsDoing'),
    }),
  );
  const { on, labels = '' } = form.values;
  const name = form.values.name?.trim() ?? '';
  const tellDoubts = useDoubts();
  const save = (revision: Revision) => {
    const put = wordsOf(labels);
    const body = {
      On: on,
      When: conditionsIn(form.values, written),
      To: to,
      ...(put.length > 0 ? { Label: put } : {}),
      Enabled: rule?.Enabled ?? true,
    };
    const path = `/routing/rules/${name}`;
    return putJson<Kept>(path, body, { revision }).then(
      (kept) => tellDoubts(path, name, kept),
      (error) => {
        throw written ? error : atItsLine(error, form.values);
      },
    );
  };
  return (
    <FormDialog
      form={form}
      edited={to.length !== before.length || to.some((one) => !before.includes(one))}
      title={known ? texts('changeOf', { name }) : t('add')}
      revision={known?.revision ?? 'new'}
      save={save}
      changed={() => queries.invalidateQueries({ queryKey: rulesQuery.queryKey })}
      saved={texts('saved', { name })}
      onClose={onClose}
    >
      {!known && <TextLine form={form} name="name" label={texts('name')} autoFocus />}
      <Choice
        form={form}
        name="on"
        label={t('on')}
        of={EVENTS.map((one) => [one, t(`on_${one}`)])}
      />
      <Conditions form={form} written={written} write={() => setWritten(true)} />
      <Group title={t('to')}>
        {[...new Set([...destinations, ...to])].map((one) => (
          <Tick
            key={one}
            label={one}
            checked={to.includes(one)}
            change={(checked) => setTo(checked ? [...to, one] : to.filter((it) => it !== one))}
          />
        ))}
        {destinations.length === 0 && <p className={styles.soft}>{t('noDestinations')}</p>}
      </Group>
      <TextLine form={form} name="labels" label={t('labels')} hint={t('labelsHint')} />
    </FormDialog>
  );
}
