// SPDX-License-Identifier: Apache-2.0
/** Asks before something is done to jobs that cannot be taken back. */
import { useTranslations } from 'use-intl';
import { Modal } from '../shell/Modal';
import type { Action } from './queries';

/** What cannot be taken back is asked about first, wherever it is offered. */
export type Asked = Extract<Action, 'cancel' | 'forget'>;
export const isAsked = (action: Action): action is Asked =>
  action === 'cancel' || action === 'forget';

interface Props {
  action: Asked;
  count: number;
  busy?: boolean;
  onAction: () => void;
  onClose: () => void;
}

export function SureDialog({ action, count, busy = false, onAction, onClose }: Props) {
  const t = useTranslations('jobs');
  return (
    <Modal
      title={t(`sure_${action}`, { count })}
      action={t(`do_${action}`)}
      danger
      busy={busy}
      onAction={onAction}
      onClose={onClose}
    >
      <p>{t(`means_${action}`)}</p>
    </Modal>
  );
}
