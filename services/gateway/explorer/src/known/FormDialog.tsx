// SPDX-License-Identifier: Apache-2.0
/** A form in a dialog: what was typed is saved, unless somebody else has changed it meanwhile. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Revision } from '../api/client';
import { Refusal } from '../forms/Refusal';
import type { Form, Values } from '../forms/useForm';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import styles from './known.module.css';
import { useOpen } from './useOpen';

interface Props<V extends Values> {
  form: Form<V>;
  /** Whether something beside its fields was changed. */
  edited?: boolean;
  title: string;
  /** Of what is changed. */
  revision: Revision;
  /** Writes it where it has this revision; null: whatever is there. */
  save: (revision: Revision) => Promise<unknown>;
  /** Whoever shows it asks again. */
  changed: () => Promise<unknown>;
  /** What is told once it was saved. */
  saved: string;
  onClose: () => void;
  children: ReactNode;
}

export function FormDialog<V extends Values>({
  form,
  edited = false,
  title,
  revision: seen,
  save,
  changed,
  saved,
  onClose,
  children,
}: Props<V>) {
  const t = useTranslations('known');
  const { show } = useNotices();
  const isOpen = useOpen();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const fields = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(0);
  // The field that is wrong may be far above the button.
  useEffect(() => {
    if (failed > 0) fields.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [failed]);
  const run = async (revision: Revision) => {
    if (!form.ready()) {
      setFailed((times) => times + 1);
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await save(revision);
      await changed();
      show({ text: saved });
      if (isOpen()) onClose();
    } catch (failure) {
      setError(form.refused(failure));
      setFailed((times) => times + 1);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={title}
      action={t('save')}
      busy={busy}
      lasting
      edited={form.edited || edited}
      onAction={() => void run(seen)}
      onClose={onClose}
    >
      <Refusal
        error={error}
        reload={() => {
          void changed();
          onClose();
        }}
        overwrite={() => void run(null)}
      />
      <div ref={fields} className={styles.fields}>
        {children}
      </div>
    </Modal>
  );
}
