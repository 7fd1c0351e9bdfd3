// SPDX-License-Identifier: Apache-2.0
import { useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { prefer, usePreferences } from '../preferences';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { COLUMNS, columnsOf } from './columns';
import styles from './Toolbar.module.css';

export function ColumnChooser() {
  const t = useTranslations('studies');
  const { columns } = usePreferences();
  const [open, setOpen] = useState(false);
  useShortcuts([{ keys: 'c', text: t('columns'), run: () => setOpen(true) }]);
  return (
    <MenuTrigger isOpen={open} onOpenChange={setOpen}>
      <Button className={styles.button}>
        <Icon name="columns" />
        {t('columns')}
      </Button>
      <Popover className={styles.popover} placement="bottom end">
        <Menu
          className={styles.columns}
          aria-label={t('columns')}
          selectionMode="multiple"
          disallowEmptySelection
          selectedKeys={columnsOf(columns)}
          onSelectionChange={(keys) =>
            prefer({ columns: COLUMNS.filter((one) => keys === 'all' || keys.has(one)) })
          }
        >
          {COLUMNS.map((id) => (
            <MenuItem key={id} id={id} textValue={t(`column_${id}`)} className={styles.column}>
              {({ isSelected }) => (
                <>
                  <span className={styles.tick}>
                    {isSelected && <Icon name="check" size={16} />}
                  </span>
                  {t(`column_${id}`)}
                </>
              )}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
