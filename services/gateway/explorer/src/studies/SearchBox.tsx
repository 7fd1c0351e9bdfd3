// SPDX-License-Identifier: Apache-2.0
/** The one box: what is typed is in the address a moment later. */
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import styles from '../shell/Toolbar.module.css';
import { type Address, LONGEST_SEARCH } from './address';
import { cellsOf, termOf } from './identifiers';

/** Milliseconds after the last key. */
const PAUSE = 150;

export function SearchBox({ address }: { address: Address }) {
  const t = useTranslations('studies');
  const navigate = useNavigate({ from: '/' });
  const box = useRef<HTMLInputElement>(null);
  const given = address.q ?? '';
  const [text, setText] = useState(given);
  const sent = useRef(given);

  useEffect(() => {
    // An address that was not made by typing: a chip, a link, the way back.
    if (given !== sent.current) {
      sent.current = given;
      setText(given);
    }
  }, [given]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      void navigate({
        to: '/',
        search: ({ q: _, ...others }: Address) => (text.trim() ? { ...others, q: text } : others),
        replace: true,
      });
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text, navigate]);
  useShortcuts([
    {
      keys: '/',
      text: t('searchKey'),
      run: () => {
        box.current?.focus();
        box.current?.select();
      },
    },
  ]);

  return (
    <search className={styles.search}>
      <Icon name="search" size={17} />
      <input
        ref={box}
        type="search"
        aria-label={t('search')}
        placeholder={t('searchHint')}
        maxLength={LONGEST_SEARCH}
        spellCheck="false"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onPaste={(event) => {
          const field = event.currentTarget;
          const before = text.slice(0, field.selectionStart ?? 0);
          const cells = cellsOf(event.clipboardData.getData('text'));
          const term = cells && termOf(cells, before);
          if (!term) return;
          event.preventDefault();
          setText(before + term + text.slice(field.selectionEnd ?? 0));
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && text) setText('');
          else if (event.key === 'Escape') event.currentTarget.blur();
          else if (event.key === 'ArrowDown' || event.key === 'Enter')
            document.querySelector<HTMLElement>('[role="grid"]')?.focus();
          else return;
          event.preventDefault();
        }}
      />
      {!text && <kbd className={styles.slash}>/</kbd>}
    </search>
  );
}
