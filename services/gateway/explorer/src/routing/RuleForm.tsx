// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson } from '../api/client';
import type { KnownRule } from '../api/schema';
import { newName } from '../forms/checks';
import { Choice, Group, TextLine, Tick } from '../forms/fields';
import { Refusal } from '../forms/Refusal';
import { useForm } from '../forms/useForm';
import styles from '../network/network.module.css';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { areSimple, Conditions, conditionsIn, conditionValues } from './Conditions';
import { rulesQuery, wordsOf } from './rules';

const EVENTS = ['StableStudy', 'StableSeries', 'NewInstance'] as const;

interface Props {
  known: KnownRule | null;
  taken: string[];
  destinations: string[];
  onClose: () => void;
}

export function RuleForm({ known, taken, destinations, onClose }: Props) {
  const t = useTranslations('routing');
  const queries = useQueryClient();
  const { show } = useNotices();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const rule = known?.rule;
  const when = rule?.When ?? [];
  const [written, setWritten] = useState(!areSimple(when));
  const [to, setTo] = useState(rule?.To ?? []);
  const form = useForm(
    {
      name: known?.name ?? '',
      On: rule?.On ?? 'StableStudy',
      Label: (rule?.Label ?? []).join(', '),
      ...conditionValues(when),
    } as Record<string, string>,
    known ? {} : { name: newName(taken) },
  );
  const text = (name: string) => form.values[name] ?? '';

  const conditions = () => conditionsIn(form.values, written);
  /** Null: whatever is there. */
  const run = async (revision: number | null = known?.revision ?? null) => {
    if (!form.ready()) return;
    const labels = wordsOf(text('Label'));
    setBusy(true);
    setError(null);
    try {
      await putJson(
        `/routing/rules/${text('name')}`,
        {
          On: text('On'),
          When: conditions(),
          To: to,
          ...(labels.length > 0 ? { Label: labels } : {}),
          Enabled: rule?.Enabled ?? true,
        },
        { revision },
      );
      await queries.invalidateQueries({ queryKey: rulesQuery.queryKey });
      show({ text: t('saved', { name: text('name') }) });
      onClose();
    } catch (failure) {
      setError(failure instanceof SyntaxError ? new Error(t('noJson')) : failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={known ? t('changeTitle', { name: known.name }) : t('add')}
      action={t('save')}
      busy={busy}
      lasting
      onAction={() => void run()}
      onClose={onClose}
    >
      {!known && <TextLine form={form} name="name" label={t('name')} autoFocus />}
      <Choice
        form={form}
        name="On"
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
      <TextLine form={form} name="Label" label={t('labels')} hint={t('labelsHint')} />
      <Refusal
        error={error}
        reload={() => {
          void queries.invalidateQueries({ queryKey: rulesQuery.queryKey });
          onClose();
        }}
        overwrite={() => void run(null)}
      />
    </Modal>
  );
}
