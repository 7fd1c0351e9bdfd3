// SPDX-License-Identifier: Apache-2.0
/** The saved views, each with what can be done with it. */
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useNotices } from '../shell/notices';
import toolbar from '../shell/Toolbar.module.css';
import { copyText } from '../study/copyText';
import type { Address } from './address';
import { addressOf, forget, linkOf, type View, viewsQuery } from './saved';
import { Entry } from './Views';
import styles from './Views.module.css';

const ViewDialog = lazy(async () => ({ default: (await import('./ViewDialog')).ViewDialog }));

export function SavedViews({ views, address }: { views: View[]; address: Address }) {
  const t = useTranslations('studies');
  const shell = useTranslations('shell');
  const may = useMay();
  const queries = useQueryClient();
  const { show } = useNotices();
  const [renamed, setRenamed] = useState<View | null>(null);

  const copy = async (view: View) => {
    const link = linkOf(view);
    const copied = await copyText(link);
    show(copied ? { text: t('viewCopied') } : { text: link, bad: true });
  };
  const remove = async (view: View) => {
    try {
      await forget(view);
      show({ text: t('viewDeleted', { name: view.name }) });
    } catch (error) {
      show({ text: shell(sentenceOf(error)), bad: true });
    }
    await queries.invalidateQueries({ queryKey: viewsQuery.queryKey });
  };
  return (
    <>
      {views.map((view) => (
        <li key={view.id} className={styles.saved}>
          <Entry text={view.name} search={addressOf(view)} address={address} />
          <MenuTrigger>
            <Button className={styles.more} aria-label={t('viewMore', { name: view.name })}>
              <Icon name="more" size={16} />
            </Button>
            <Popover className={toolbar.popover} placement="bottom end">
              <Menu className={toolbar.columns} aria-label={t('viewMore', { name: view.name })}>
                <MenuItem className={toolbar.column} onAction={() => void copy(view)}>
                  {t('viewCopy')}
                </MenuItem>
                {may('save-views') && (
                  <MenuItem className={toolbar.column} onAction={() => setRenamed(view)}>
                    {t('viewRename')}
                  </MenuItem>
                )}
                {may('save-views') && (
                  <MenuItem className={toolbar.column} onAction={() => void remove(view)}>
                    {t('viewDelete')}
                  </MenuItem>
                )}
              </Menu>
            </Popover>
          </MenuTrigger>
        </li>
      ))}
      {renamed && (
        <Suspense>
          <ViewDialog view={renamed} address={address} onClose={() => setRenamed(null)} />
        </Suspense>
      )}
    </>
  );
}

/** Saves what is searched for now. */
export function SaveView({ address }: { address: Address }) {
  const t = useTranslations('studies');
  const may = useMay();
  const [open, setOpen] = useState(false);
  if (!may('save-views') || !Object.keys(address).length) return null;
  return (
    <>
      <Button className={toolbar.button} onPress={() => setOpen(true)}>
        <Icon name="label" />
        {t('viewSave')}
      </Button>
      {open && (
        <Suspense>
          <ViewDialog address={address} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
