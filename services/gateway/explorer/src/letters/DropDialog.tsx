// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { drop, lettersQuery } from './letters';

/** Asks before letters are let be; of several, how many there are is typed first. */
export function DropDialog({ numbers, onClose }: { numbers: number[]; onClose: () => void }) {
  const t = useTranslations('letters');
  const queries = useQueryClient();
  const { show } = useNotices();
  const form = useForm({ count: '' }, {});
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const count = numbers.length;
  const right = count === 1 || form.values.count.trim() === String(count);
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await drop(numbers);
      show({ text: t('dropped', { count }) });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    } finally {
      await queries.invalidateQueries({ queryKey: lettersQuery.queryKey });
    }
  };
  return (
    <Modal
      title={t('dropTitle', { count })}
      action={t('drop')}
      danger
      busy={busy}
      blocked={right ? undefined : t('typeCount')}
      onAction={() => void run()}
      onClose={onClose}
    >
      <p>{t('dropWhat')}</p>
      {count > 1 && (
        <TextLine
          form={form}
          name="count"
          inputMode="numeric"
          label={t('typeCountLabel', { count: String(count) })}
        />
      )}
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
