// SPDX-License-Identifier: Apache-2.0
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import styles from './study.module.css';

interface Props {
  level: 'patients' | 'studies';
  id: string;
  /** The selected one of several, which may be had alone. */
  series: string | undefined;
}

/** All of a study or patient, or one of its series, packed as one file. */
export function Downloads({ level, id, series }: Props) {
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
          {series && (
            <MenuItem className={styles.menuItem} href={`/series/${series}/archive`} download="">
              {t('archiveOfSeries')}
            </MenuItem>
          )}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
