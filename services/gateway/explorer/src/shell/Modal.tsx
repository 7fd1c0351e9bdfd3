// SPDX-License-Identifier: Apache-2.0
/** A dialog with its title and its buttons, of which one does what the dialog is for. */
import { useBlocker } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { Modal as AriaModal, Button, Dialog, Heading, ModalOverlay } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import styles from './Modal.module.css';

interface Props {
  title: string;
  action: string;
  danger?: boolean;
  /** Why the action cannot be done now. */
  blocked?: string | undefined;
  busy?: boolean;
  /** A click beside it does not close it: what was typed would be lost. */
  lasting?: boolean;
  /** Something was typed or chosen: only the button that cancels throws it away unasked. */
  edited?: boolean;
  /** What the button says that cancels. */
  cancel?: string;
  onAction: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function Modal({
  title,
  action,
  danger,
  blocked,
  busy,
  lasting,
  edited,
  cancel,
  onAction,
  onClose,
  children,
}: Props) {
  const t = useTranslations('shell');
  const [asked, setAsked] = useState(false);
  return (
    <ModalOverlay
      className={styles.overlay}
      isOpen
      onOpenChange={() => (edited ? setAsked(true) : onClose())}
      isDismissable={!lasting}
    >
      <AriaModal className={styles.modal}>
        <Dialog className={styles.dialog}>
          <form
            onKeyDown={(event) => {
              // Also from a field of several lines, where Enter begins the next one.
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
              event.preventDefault();
              event.currentTarget.requestSubmit();
            }}
            onSubmit={(event) => {
              event.preventDefault();
              if (blocked === undefined && !busy) onAction();
            }}
          >
            <Heading slot="title" className={styles.title}>
              {title}
            </Heading>
            <div className={styles.body}>{children}</div>
            <div className={styles.buttons}>
              {blocked && (
                <p id="blocked" className={styles.blocked}>
                  {blocked}
                </p>
              )}
              <Button className={styles.button} onPress={onClose}>
                {cancel ?? t('cancel')}
              </Button>
              <Button
                type="submit"
                className={danger ? styles.danger : styles.action}
                aria-describedby={blocked ? 'blocked' : undefined}
                data-blocked={blocked !== undefined || undefined}
                isPending={busy ?? false}
              >
                {action}
              </Button>
            </div>
          </form>
          {edited && <Leaving asked={asked} onStay={() => setAsked(false)} onLeave={onClose} />}
        </Dialog>
      </AriaModal>
    </ModalOverlay>
  );
}

interface LeavingProps {
  asked: boolean;
  onStay: () => void;
  onLeave: () => void;
}

/** Asks before what was typed is thrown away: by a key, a way to another page, or a reload. */
function Leaving({ asked, onStay, onLeave }: LeavingProps) {
  const t = useTranslations('shell');
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: isAnotherPage,
    enableBeforeUnload: true,
    withResolver: true,
  });
  if (!asked && status === 'idle') return null;
  return (
    <Modal
      title={t('leaveTitle')}
      action={t('leave')}
      cancel={t('stay')}
      danger
      onAction={() => {
        onLeave();
        proceed?.();
      }}
      onClose={() => {
        onStay();
        reset?.();
      }}
    >
      <p>{t('leaveWhat')}</p>
    </Modal>
  );
}

interface Place {
  pathname: string;
}

const isAnotherPage = ({ current, next }: { current: Place; next: Place }): boolean =>
  current.pathname !== next.pathname;
