// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { putJson } from '../api/client';
import type { KnownRule } from '../api/schema';
import { newName } from '../forms/checks';
import { Choice, Group, Pair, TextLine, Tick } from '../forms/fields';
import { Refusal } from '../forms/Refusal';
import { useForm } from '../forms/useForm';
import styles from '../network/network.module.css';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { type Condition, conditionOf, questionsOf, rulesQuery, wordsOf } from './rules';

const EVENTS = ['StableStudy', 'StableSeries', 'NewInstance'] as const;
/** Lines for conditions; more of them are written as JSON. */
const LINES = [0, 1, 2, 3] as const;

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
  const simple = when.length > LINES.length ? null : questionsOf(when);
  const [written, setWritten] = useState(simple === null);
  const [to, setTo] = useState(rule?.To ?? []);
  const form = useForm(
    {
      name: known?.name ?? '',
      On: rule?.On ?? 'StableStudy',
      Label: (rule?.Label ?? []).join(', '),
      When: JSON.stringify(when, null, 1),
      ...Object.fromEntries(
        LINES.flatMap((line) => [
          [`of${line}`, simple?.[line]?.of ?? ''],
          [`is${line}`, simple?.[line]?.is ?? ''],
        ]),
      ),
    } as Record<string, string>,
    known ? {} : { name: newName(taken) },
  );
  const text = (name: string) => form.values[name] ?? '';

  const conditions = (): Condition[] => {
    if (written) return JSON.parse(text('When')) as Condition[];
    // Half a line is sent, too, and refused: left out, the rule would hold of more than was meant.
    return LINES.map((line) => ({ of: text(`of${line}`).trim(), is: text(`is${line}`) }))
      .filter(({ of, is }) => of || is.trim())
      .map(conditionOf);
  };
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
      <Group title={t('when')}>
        <p className={styles.soft}>{t('whenHint')}</p>
        {written ? (
          <TextLine form={form} name="When" label={t('written')} lines={6} />
        ) : (
          <>
            {LINES.map((line) => (
              <Pair key={line}>
                <TextLine form={form} name={`of${line}`} label={t('of', { number: line + 1 })} />
                <TextLine form={form} name={`is${line}`} label={t('is', { number: line + 1 })} />
              </Pair>
            ))}
            <Button
              className={styles.button}
              onPress={() => {
                form.set('When', JSON.stringify(conditions(), null, 1));
                setWritten(true);
              }}
            >
              {t('write')}
            </Button>
          </>
        )}
      </Group>
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
