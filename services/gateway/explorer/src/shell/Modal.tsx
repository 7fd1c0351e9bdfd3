// SPDX-License-Identifier: Apache-2.0
/** A dialog with its title and its buttons, of which one does what the dialog is for. */
import type { ReactNode } from 'react';
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
  onAction,
  onClose,
  children,
}: Props) {
  const t = useTranslations('shell');
  return (
    <ModalOverlay className={styles.overlay} isOpen onOpenChange={onClose} isDismissable={!lasting}>
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
                {t('cancel')}
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
        </Dialog>
      </AriaModal>
    </ModalOverlay>
  );
}
