// SPDX-License-Identifier: Apache-2.0
/** The shortcuts of everywhere, and the two lists of them: `?` by key, `Ctrl K` to choose from. */
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import {
  Autocomplete,
  Dialog,
  Heading,
  Input,
  Menu,
  MenuItem,
  Modal,
  ModalOverlay,
  SearchField,
  useFilter,
} from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useHas, useMay } from '../api/session';
import styles from './Keys.module.css';
import { onKey, type Shortcut, useAllShortcuts, useShortcuts } from './keys';

type Open = 'keys' | 'palette' | null;

export function Keys() {
  const t = useTranslations('shell');
  const [open, setOpen] = useState<Open>(null);
  const navigate = useNavigate();
  const may = useMay();
  const has = useHas();
  const shortcuts = useAllShortcuts();
  useEffect(() => {
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  useShortcuts([
    { keys: 'Ctrl+k', text: t('palette'), run: () => setOpen('palette') },
    { keys: '?', text: t('keys'), run: () => setOpen('keys') },
    { keys: 'g s', text: t('goStudies'), run: () => void navigate({ to: '/' }) },
    ...(has('patients')
      ? [
          {
            keys: 'g p',
            text: t('goPatients'),
            run: () => void navigate({ to: '/patients', search: {} }),
          },
        ]
      : []),
    { keys: 'g o', text: t('goStore'), run: () => void navigate({ to: '/operate', search: {} }) },
    { keys: 'g j', text: t('goJobs'), run: () => void navigate({ to: '/jobs', search: {} }) },
    { keys: 'g w', text: t('goWorklist'), run: () => void navigate({ to: '/worklist' }) },
    { keys: 'g n', text: t('goNetwork'), run: () => void navigate({ to: '/operate/modalities' }) },
    { keys: 'g t', text: t('goRouting'), run: () => void navigate({ to: '/operate/routing' }) },
    {
      keys: 'g d',
      text: t('goUndelivered'),
      run: () => void navigate({ to: '/operate/routing/dead', search: {} }),
    },
    ...(may('upload')
      ? [{ keys: 'g u', text: t('goUpload'), run: () => void navigate({ to: '/upload' }) }]
      : []),
    ...(may('query')
      ? [
          {
            keys: 'g r',
            text: t('goRemote'),
            run: () => void navigate({ to: '/remote/{-$names}' }),
          },
        ]
      : []),
  ]);
  const close = () => setOpen(null);
  return (
    <ModalOverlay
      className={styles.overlay}
      isOpen={open !== null}
      onOpenChange={close}
      isDismissable
    >
      <Modal className={styles.modal}>
        <Dialog className={styles.dialog}>
          <Heading slot="title" className={open === 'keys' ? styles.title : styles.quiet}>
            {open === 'keys' ? t('keys') : t('palette')}
          </Heading>
          {open === 'keys' && <KeyList shortcuts={shortcuts} />}
          {open === 'palette' && <Palette shortcuts={shortcuts} close={close} />}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function KeyList({ shortcuts }: { shortcuts: Shortcut[] }) {
  return (
    <dl className={styles.keys}>
      {shortcuts.map(({ keys, text }) => (
        <div key={`${keys} ${text}`}>
          <dt>
            <KeyCaps keys={keys} />
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function KeyCaps({ keys }: { keys: string }) {
  return keys
    .split(/[ +](?=.)/)
    .map((key) => <kbd key={key}>{key.length === 1 ? key.toUpperCase() : key}</kbd>);
}

function Palette({ shortcuts, close }: { shortcuts: Shortcut[]; close: () => void }) {
  const t = useTranslations('shell');
  const { contains } = useFilter({ sensitivity: 'base' });
  return (
    <Autocomplete filter={contains}>
      <SearchField aria-label={t('palette')} autoFocus>
        <Input className={styles.input} placeholder={t('paletteHint')} />
      </SearchField>
      <Menu
        className={styles.menu}
        aria-label={t('palette')}
        renderEmptyState={() => <p className={styles.none}>{t('nothingFound')}</p>}
      >
        {shortcuts
          .filter(({ keys, run }) => keys !== 'Ctrl+k' && run)
          .map(({ keys, text, run }) => (
            <MenuItem
              key={`${keys} ${text}`}
              textValue={text}
              className={styles.item}
              onAction={() => {
                close();
                // After the dialog has given the focus back.
                setTimeout(() => run?.(new KeyboardEvent('keydown')), 0);
              }}
            >
              <span>{text}</span>
              <span>
                <KeyCaps keys={keys} />
              </span>
            </MenuItem>
          ))}
      </Menu>
    </Autocomplete>
  );
}
