// SPDX-License-Identifier: Apache-2.0
import { Link } from '@tanstack/react-router';
import {
  Button,
  Header,
  Menu,
  MenuItem,
  MenuSection,
  MenuTrigger,
  Popover,
} from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { logout, useSession } from '../api/session';
import { JobPill } from '../jobs/JobPill';
import { leave } from '../login/leave';
import { LANGUAGES } from '../messages';
import { type Preferences, prefer, usePreferences } from '../preferences';
import { useUploads } from '../upload/queue';
import { sentenceOf } from './Failure';
import { Icon } from './Icon';
import { useNotices } from './notices';
import styles from './TopBar.module.css';

export function TopBar({ toggleSide }: { toggleSide: () => void }) {
  const t = useTranslations('shell');
  const session = useSession();
  return (
    <header className={styles.bar}>
      <Button className={styles.round} aria-label={t('toggleSide')} onPress={toggleSide}>
        <Icon name="menu" />
      </Button>
      <Link
        to="/"
        className={styles.name}
        aria-label={t('home', { store: session?.title ?? 'Pons' })}
      >
        <svg
          width="30"
          height="20"
          viewBox="0 0 30 20"
          fill="none"
          stroke="currentColor"
          aria-hidden="true"
        >
          <path
            d="M1 5h28M2 16v-3.5a5 5 0 0 1 9 0V16m1.5 0v-3a6 6 0 0 1 11 0v3M25 16v-3a4 4 0 0 1 4-3"
            strokeWidth="1.5"
            strokeLinecap="round"
          />
        </svg>
        <span>{session?.title ?? 'Pons'}</span>
      </Link>
      <div id="page-tools" className={styles.tools} />
      <UploadPill />
      <JobPill />
      <Settings />
    </header>
  );
}

/** Where the uploads are, while some are on their way. */
function UploadPill() {
  const t = useTranslations('upload');
  const queue = useUploads();
  if (!queue.busy) return null;
  const { done, files } = queue.totals();
  return (
    <Link to="/upload" className={styles.pill} aria-label={t('pill', { done, all: files })}>
      <Icon name="upload" size={16} />
      {done} / {files}
    </Link>
  );
}

/** Theme, language and who is signed in. */
function Settings() {
  const t = useTranslations('shell');
  const { theme, language, letterKeys, rows, dates } = usePreferences();
  const session = useSession();
  const notices = useNotices();

  const signOut = async () => {
    try {
      await logout();
      leave('/explorer/login');
    } catch (error) {
      // A store that answers has taken back the cookie, whatever else it could not do.
      if (error instanceof ApiError && error.status > 0) leave('/explorer/login?untold=1');
      else notices.show({ text: t(sentenceOf(error)), bad: true });
    }
  };
  return (
    <MenuTrigger>
      <Button className={styles.user} aria-label={t('settings')}>
        {session?.user ? (
          <span className={styles.initials}>{session.user.slice(0, 2)}</span>
        ) : (
          <Icon name="settings" />
        )}
      </Button>
      <Popover className={styles.popover} placement="bottom end">
        <Menu className={styles.menu} aria-label={t('settings')}>
          <MenuSection
            className={styles.section}
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[theme]}
            onSelectionChange={(keys) => {
              const [chosen] = [...(keys as Set<string>)];
              if (chosen) prefer({ theme: chosen as Preferences['theme'] });
            }}
          >
            <Header>{t('theme')}</Header>
            {(['system', 'light', 'dark'] as const).map((one) => (
              <Choice key={one} id={one} text={t(`theme_${one}`)} />
            ))}
          </MenuSection>
          <MenuSection
            className={styles.section}
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[language || 'auto']}
            onSelectionChange={(keys) => {
              const [chosen] = [...(keys as Set<string>)];
              prefer({ language: chosen && chosen !== 'auto' ? chosen : '' });
            }}
          >
            <Header>{t('language')}</Header>
            <Choice id="auto" text={t('languageOfBrowser')} />
            {Object.entries(LANGUAGES).map(([id, name]) => (
              <Choice key={id} id={id} text={name} />
            ))}
          </MenuSection>
          <MenuSection
            className={styles.section}
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[`rows_${rows}`]}
            onSelectionChange={(keys) => {
              const [chosen] = [...(keys as Set<string>)];
              if (chosen) prefer({ rows: chosen.slice('rows_'.length) as Preferences['rows'] });
            }}
          >
            <Header>{t('rows')}</Header>
            {(['auto', 'compact', 'comfortable'] as const).map((one) => (
              // Named apart: the menu has a choice `auto` of languages, too.
              <Choice key={one} id={`rows_${one}`} text={t(`rows_${one}`)} />
            ))}
          </MenuSection>
          <MenuSection
            className={styles.section}
            selectionMode="multiple"
            selectedKeys={dates === 'iso' ? ['iso'] : []}
            onSelectionChange={(keys) =>
              prefer({ dates: (keys as Set<string>).has('iso') ? 'iso' : 'local' })
            }
          >
            <Header>{t('dates')}</Header>
            <Choice id="iso" text={t('datesIso')} />
          </MenuSection>
          <MenuSection
            className={styles.section}
            selectionMode="multiple"
            selectedKeys={letterKeys ? ['letters'] : []}
            onSelectionChange={(keys) =>
              prefer({ letterKeys: (keys as Set<string>).has('letters') })
            }
          >
            <Header>{t('keyboard')}</Header>
            <Choice id="letters" text={t('letterKeys')} />
          </MenuSection>
          {session?.signedInBy === 'session' && (
            <MenuSection className={styles.section}>
              <Header>{session.user}</Header>
              <MenuItem className={styles.item} onAction={() => void signOut()}>
                <span className={styles.tick}>
                  <Icon name="logout" size={16} />
                </span>
                {t('logout')}
              </MenuItem>
            </MenuSection>
          )}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function Choice({ id, text }: { id: string; text: string }) {
  return (
    <MenuItem id={id} textValue={text} className={styles.item}>
      {({ isSelected }) => (
        <>
          <span className={styles.tick}>{isSelected && <Icon name="check" size={16} />}</span>
          {text}
        </>
      )}
    </MenuItem>
  );
}
