// SPDX-License-Identifier: Apache-2.0
/** Gives a view its name: a new one, or another one. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { useSession } from '../api/session';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import type { Address } from './address';
import styles from './Dialogs.module.css';
import { rename, save, type View, viewsQuery } from './saved';

interface Props {
  /** The view that is renamed; else the search that is saved. */
  view?: View;
  address: Address;
  onClose: () => void;
}

export function ViewDialog({ view, address, onClose }: Props) {
  const t = useTranslations('studies');
  const queries = useQueryClient();
  const user = useSession()?.user;
  const [name, setName] = useState(view?.name ?? '');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const taken = error instanceof ApiError && error.status === 409;

  const run = async () => {
    setBusy(true);
    try {
      await (view ? rename(view, name.trim()) : save(name.trim(), address));
      await queries.invalidateQueries({ queryKey: viewsQuery.queryKey });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={view ? t('viewRename') : t('viewSave')}
      action={view ? t('viewRenameDo') : t('viewSaveDo')}
      blocked={name.trim() ? undefined : t('viewNameLacks')}
      edited={name !== (view?.name ?? '')}
      onAction={() => !busy && void run()}
      onClose={onClose}
    >
      <div className={styles.field}>
        <label htmlFor="view-name">{t('viewName')}</label>
        <input
          id="view-name"
          // biome-ignore lint/a11y/noAutofocus: the first field of a dialog
          autoFocus
          autoComplete="off"
          maxLength={80}
          value={name}
          aria-invalid={taken || undefined}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <p className={styles.soft}>{user ? t('viewOfUser') : t('viewOfStore')}</p>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
