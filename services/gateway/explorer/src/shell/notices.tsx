// SPDX-License-Identifier: Apache-2.0
/** Short notices at the lower edge, read out by one polite live region. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
} from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from './Icon';
import styles from './notices.module.css';

export interface Notice {
  text: string;
  /** Bad news stays until it is closed. */
  bad?: boolean;
  /** What it is about: a later notice about the same takes its place. */
  about?: string;
  action?: { text: string; run: () => void };
  /** Milliseconds until it goes by itself; 0: it stays. */
  lasts?: number;
}

interface Shown extends Notice {
  id: number;
}

interface Notices {
  show: (notice: Notice) => () => void;
  /** Notices about these are not true any more. */
  withdraw: (about: readonly string[]) => void;
  /** Only for screen readers. */
  announce: (text: string) => void;
}

const Context = createContext<Notices | null>(null);

export function useNotices(): Notices {
  const notices = useContext(Context);
  if (!notices) throw new Error('useNotices outside NoticesProvider');
  return notices;
}

const LASTS = 6_000;

export function NoticesProvider({ children }: { children: ReactNode }) {
  const t = useTranslations('shell');
  const [shown, setShown] = useState<Shown[]>([]);
  const [spoken, setSpoken] = useState('');
  const next = useRef(0);

  const announce = useCallback((text: string) => setSpoken(text), []);
  const show = useCallback((notice: Notice) => {
    const id = next.current++;
    const close = () => setShown((all) => all.filter((one) => one.id !== id));
    setShown((all) => [
      ...all.filter(({ about }) => !about || about !== notice.about).slice(-3),
      { ...notice, id },
    ]);
    setSpoken(notice.text);
    const lasts = notice.lasts ?? (notice.bad ? 0 : LASTS);
    if (lasts) setTimeout(close, lasts);
    return close;
  }, []);
  const withdraw = useCallback((about: readonly string[]) => {
    const over = new Set(about);
    setShown((all) => all.filter((one) => !one.about || !over.has(one.about)));
  }, []);
  const notices = useMemo(() => ({ show, withdraw, announce }), [show, withdraw, announce]);

  return (
    <Context value={notices}>
      {children}
      <div className={styles.spoken} role="status" aria-live="polite">
        {spoken}
      </div>
      <section className={styles.notices} aria-label={t('notices')}>
        {shown.map(({ id, text, bad, action }) => (
          <div key={id} className={styles.notice} data-bad={bad || undefined}>
            <span>{text}</span>
            {action && (
              <Button
                className={styles.action}
                onPress={() => {
                  setShown((all) => all.filter((one) => one.id !== id));
                  action.run();
                }}
              >
                {action.text}
              </Button>
            )}
            <Button
              className={styles.close}
              aria-label={t('close')}
              onPress={() => setShown((all) => all.filter((one) => one.id !== id))}
            >
              <Icon name="close" />
            </Button>
          </div>
        ))}
      </section>
    </Context>
  );
}
