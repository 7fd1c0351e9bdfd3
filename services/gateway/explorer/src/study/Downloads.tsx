// SPDX-License-Identifier: Apache-2.0
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import styles from './study.module.css';

/** All of a study or patient, packed as one file. */
export function Downloads({ level, id }: { level: 'patients' | 'studies'; id: string }) {
  const t = useTranslations('study');
  return (
    <MenuTrigger>
      <Button className={styles.action}>
        <Icon name="download" />
        {t('download')}
        <Icon name="chevronDown" size={14} />
      </Button>
      <Popover className={styles.popover} placement="bottom start">
        <Menu className={styles.menu} aria-label={t('download')}>
          {(['archive', 'media'] as const).map((kind) => (
            <MenuItem
              key={kind}
              className={styles.menuItem}
              href={`/${level}/${id}/${kind}`}
              download=""
            >
              {t(kind)}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
