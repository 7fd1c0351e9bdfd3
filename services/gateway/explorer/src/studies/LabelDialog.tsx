// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { changeLabels } from './actions';
import styles from './Dialogs.module.css';
import { labelsQuery } from './search';

/** As the store takes them. */
const LABEL = /^[A-Za-z0-9_-]{1,64}$/;

interface Props {
  ids: string[];
  onClose: () => void;
  onDone: () => void;
}

export function LabelDialog({ ids, onClose, onDone }: Props) {
  const t = useTranslations('studies');
  const { show } = useNotices();
  const { data: known = [] } = useQuery(labelsQuery);
  const [text, setText] = useState('');
  const [how, setHow] = useState<'add' | 'remove'>('add');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const label = text.trim();

  const run = async () => {
    setBusy(true);
    try {
      const { changed, missing } = await changeLabels(
        ids,
        how === 'add' ? [label] : [],
        how === 'remove' ? [label] : [],
      );
      show({ text: t('labelled', { count: changed, missing }), bad: missing > 0 });
      onDone();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={t('labelTitle', { count: ids.length })}
      action={how === 'add' ? t('labelAdd') : t('labelRemove')}
      blocked={LABEL.test(label) ? undefined : t('labelRule')}
      busy={busy}
      edited={text !== ''}
      onAction={() => void run()}
      onClose={onClose}
    >
      <fieldset className={styles.choices}>
        <legend>{t('labelHow')}</legend>
        {(['add', 'remove'] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="how" checked={how === one} onChange={() => setHow(one)} />
            {one === 'add' ? t('labelAdd') : t('labelRemove')}
          </label>
        ))}
      </fieldset>
      <div className={styles.field}>
        <label htmlFor="label">{t('label')}</label>
        <input
          id="label"
          list="labels"
          // biome-ignore lint/a11y/noAutofocus: the first field of a dialog
          autoFocus
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <datalist id="labels">
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
