// SPDX-License-Identifier: Apache-2.0
/** Asks before something is removed, and says why it could not be. */
import { type ReactNode, useState } from 'react';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { useOpen } from './useOpen';

interface Props {
  title: string;
  action: string;
  remove: () => Promise<void>;
  /** Whoever shows it asks again, also after a refusal: somebody else may have changed it. */
  changed: () => Promise<unknown>;
  /** What is told once it is gone. */
  removed: string;
  onClose: () => void;
  /** What becomes of what. */
  children: ReactNode;
}

export function RemoveDialog({
  title,
  action,
  remove,
  changed,
  removed,
  onClose,
  children,
}: Props) {
  const { show } = useNotices();
  const isOpen = useOpen();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await remove();
      await changed();
      show({ text: removed });
      if (isOpen()) onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
      await changed();
    }
  };
  return (
    <Modal
      title={title}
      action={action}
      danger
      busy={busy}
      onAction={() => void run()}
      onClose={onClose}
    >
      {children}
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
