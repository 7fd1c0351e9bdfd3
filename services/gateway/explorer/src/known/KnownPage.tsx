// SPDX-License-Identifier: Apache-2.0
/** A page of what the store knows by name: listed, added, changed and removed. */
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { del } from '../api/client';
import type { KnownModality } from '../api/schema';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { Page } from '../shell/Page';
import styles from './known.module.css';
import { RemoveDialog } from './RemoveDialog';
import { type Column, Table } from './Table';

interface Known {
  name: string;
  source: KnownModality['source'];
  revision: number;
}

interface Props<T extends Known> {
  /** What the page is called, what it is about, what it says while nothing is known. */
  texts: { title: string; lead: string; add: string; none: string };
  tabs?: ReactNode;
  /** Beside the one that adds. */
  buttons?: ReactNode;
  /** Undefined before they are read. */
  known: readonly T[] | undefined;
  error: Error | null;
  retry: () => void;
  /** All but the first one, which is the name. */
  columns: readonly Column<T>[];
  /** Below the name. */
  note?: (one: T) => ReactNode;
  may: boolean;
  /** What can be done with it beside; `open`: it may be changed. */
  actions: (one: T, open: boolean) => ReactNode;
  /** Where it is over REST. */
  pathOf: (name: string) => string;
  changed: () => Promise<unknown>;
  /** What becomes of what once it is removed. */
  removal: (one: T) => ReactNode;
  form: (known: T | null, onClose: () => void) => ReactNode;
  children?: ReactNode;
}

export function KnownPage<T extends Known>({
  texts,
  tabs,
  buttons,
  known,
  error,
  retry,
  columns,
  note,
  may,
  actions,
  pathOf,
  changed,
  removal,
  form,
  children,
}: Props<T>) {
  const t = useTranslations('known');
  const [edited, setEdited] = useState<T | 'new' | null>(null);
  const [removed, setRemoved] = useState<T | null>(null);
  const name: Column<T> = {
    title: t('name'),
    show: (one) => (
      <>
        {one.name}
        {note?.(one)}
        <Origin source={one.source} />
      </>
    ),
  };
  return (
    <Page title={texts.title}>
      {tabs}
      <div className={styles.bar}>
        <p className={styles.lead}>{texts.lead}</p>
        {buttons}
        {may && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {texts.add}
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={retry} />}
      {known?.length === 0 && <p className={styles.empty}>{texts.none}</p>}
      {known !== undefined && known.length > 0 && (
        <Table
          label={texts.title}
          columns={[name, ...columns]}
          rows={known}
          keyOf={(one) => one.name}
          actions={(one) => {
            const open = may && one.source !== 'settings';
            return (
              <>
                {actions(one, open)}
                {open && (
                  <>
                    <Button
                      aria-label={t('changeOf', { name: one.name })}
                      onPress={() => setEdited(one)}
                    >
                      {t('change')}
                    </Button>
                    <Button
                      aria-label={t('removeOf', { name: one.name })}
                      onPress={() => setRemoved(one)}
                    >
                      {t('remove')}
                    </Button>
                  </>
                )}
              </>
            );
          }}
        />
      )}
      {children}
      {edited && form(edited === 'new' ? null : edited, () => setEdited(null))}
      {removed && (
        <RemoveDialog
          title={t('removeTitle', { name: removed.name })}
          action={t('remove')}
          remove={() => del(pathOf(removed.name), { revision: removed.revision })}
          changed={changed}
          removed={t('removed', { name: removed.name })}
          onClose={() => setRemoved(null)}
        >
          {removal(removed)}
        </RemoveDialog>
      )}
    </Page>
  );
}

/** What the settings say of it. */
function Origin({ source }: { source: Known['source'] }) {
  const t = useTranslations('known');
  if (source === 'here') return null;
  return (
    <span className={styles.origin}>
      {source === 'settings' && <Icon name="lock" size={14} />}
      {t(`source_${source}`)}
    </span>
  );
}
