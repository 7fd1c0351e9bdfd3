// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from 'react';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import toolbar from '../shell/Toolbar.module.css';

/** Milliseconds after the last key. */
const PAUSE = 200;

interface Props {
  label: string;
  hint: string;
  value: string;
  onChange: (text: string) => void;
  /** Characters at most. */
  longest?: number;
  /** The key that leads here. */
  keys?: string;
}

/** A box for words: what is typed is told a moment later. */
export function WordSearch({ label, hint, value, onChange, longest = 200, keys }: Props) {
  const box = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const told = useRef(value);
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      tell.current(text);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  useShortcuts(keys === undefined ? [] : [{ keys, text: label, run: () => box.current?.focus() }]);
  return (
    <search className={toolbar.search}>
      <Icon name="search" size={16} />
      <input
        ref={box}
        type="search"
        aria-label={label}
        placeholder={hint}
        maxLength={longest}
        spellCheck="false"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          if (text) setText('');
          else event.currentTarget.blur();
          event.preventDefault();
        }}
      />
    </search>
  );
}
