// SPDX-License-Identifier: Apache-2.0
/** Which columns the list shows, from left to right: each is shown or not, and moved by its arrows. */
import { useState } from 'react';
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { prefer, usePreferences } from '../preferences';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import styles from '../shell/Toolbar.module.css';
import { COLUMNS, type ColumnId, columnsOf, moved, toggled } from './chosen';

export function ColumnChooser() {
  const t = useTranslations('studies');
  const [open, setOpen] = useState(false);
  useShortcuts([{ keys: 'c', text: t('columns'), run: () => setOpen(true) }]);
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <Button className={styles.button}>
        <Icon name="columns" />
        {t('columns')}
      </Button>
      <Popover className={styles.popover} placement="bottom end">
        <Dialog className={styles.columns} aria-label={t('columns')}>
          <Chosen />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Chosen() {
  const t = useTranslations('studies');
  const { announce } = useNotices();
  const shown = columnsOf(usePreferences().columns);
  const nameOf = (id: ColumnId) => t(`column_${id}`);
  const move = (id: ColumnId, by: number) => {
    const columns = moved(shown, id, by);
    prefer({ columns });
    const place = columns.indexOf(id) + 1;
    announce(t('columnPlace', { name: nameOf(id), place, all: columns.length }));
  };
  return (
    <>
      <ul className={styles.chosen}>
        {[...shown, ...COLUMNS.filter((one) => !shown.includes(one))].map((id) => (
          <li key={id} className={styles.column} data-shown={shown.includes(id) || undefined}>
            <label>
              <input
                type="checkbox"
                checked={shown.includes(id)}
                onChange={() => prefer({ columns: toggled(shown, id) })}
              />
              {nameOf(id)}
            </label>
            {shown.includes(id) &&
              ([-1, 1] as const).map((by) => (
                <button
                  key={by}
                  type="button"
                  className={styles.move}
                  aria-label={t(by < 0 ? 'columnBefore' : 'columnAfter', { name: nameOf(id) })}
                  // Not `disabled`, which would take the focus from who has moved it to the end.
                  aria-disabled={shown.at(by < 0 ? 0 : -1) === id}
                  onClick={() => move(id, by)}
                >
                  <Icon name={by < 0 ? 'arrowUp' : 'arrowDown'} size={15} />
                </button>
              ))}
          </li>
        ))}
      </ul>
      <div className={styles.ends}>
        <button type="button" className={styles.link} onClick={() => prefer({ columns: [] })}>
          {t('columnsAsAtFirst')}
        </button>
      </div>
    </>
  );
}
