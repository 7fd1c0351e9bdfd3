// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson } from '../api/client';
import type { KnownRetentionRule } from '../api/schema';
import { days, newName } from '../forms/checks';
import { Choice, TextLine } from '../forms/fields';
import { Refusal } from '../forms/Refusal';
import { useForm } from '../forms/useForm';
import { areSimple, Conditions, conditionsIn, conditionValues } from '../routing/Conditions';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { retentionQuery } from './retention';

const WAYS = ['AfterKeepDays', 'WhenRoomIsNeeded'] as const;

interface Props {
  known: KnownRetentionRule | null;
  taken: string[];
  onClose: () => void;
}

export function RetentionForm({ known, taken, onClose }: Props) {
  const t = useTranslations('retention');
  const routing = useTranslations('routing');
  const queries = useQueryClient();
  const { show } = useNotices();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
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
    { ...(known ? {} : { name: newName(taken) }), KeepDays: days },
  );
  const changed = () => queries.invalidateQueries({ queryKey: retentionQuery.queryKey });
  /** Null: whatever is there. */
  const run = async (revision: number | null = known?.revision ?? null) => {
    if (!form.ready()) return;
    const { name, KeepDays, Delete } = form.values;
    setBusy(true);
    setError(null);
    try {
      const When = conditionsIn(form.values, written);
      // A rule that is new rests until somebody has looked at what it would do.
      const Enabled = rule?.Enabled ?? false;
      const body = { When, KeepDays: Number(KeepDays?.replace(',', '.')), Delete, Enabled };
      await putJson(`/retention/rules/${name}`, body, { revision });
      await changed();
      show({ text: routing('saved', { name: name ?? '' }) });
      onClose();
    } catch (failure) {
      setError(
        failure instanceof SyntaxError ? new Error(routing('noJson')) : form.refused(failure),
      );
      setBusy(false);
    }
  };
  return (
    <Modal
      title={known ? routing('changeTitle', { name: known.name }) : routing('add')}
      action={routing('save')}
      busy={busy}
      lasting
      onAction={() => void run()}
      onClose={onClose}
    >
      {!known && <TextLine form={form} name="name" label={routing('name')} autoFocus />}
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
      <Refusal
        error={error}
        reload={() => {
          void changed();
          onClose();
        }}
        overwrite={() => void run(null)}
      />
    </Modal>
  );
}
