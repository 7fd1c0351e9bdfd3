// SPDX-License-Identifier: Apache-2.0
/** What was typed into a form, and what is wrong with it. */
import { useEffect, useRef, useState } from 'react';
import type { Check, Mistake } from './checks';

export type Values = Record<string, string | boolean>;

export type Checks<V extends Values> = Partial<Record<keyof V, Check>>;

export interface Form<V extends Values> {
  values: V;
  /** Whether something is other than it was at first. */
  edited: boolean;
  set: <K extends keyof V>(name: K, value: V[K]) => void;
  /** A mistake to be told at a field: the key of a sentence, or what the store has said. */
  mistake: (name: string) => { key: Mistake } | { told: string } | null;
  left: (name: string) => void;
  /** A field for it is on the page, until what is returned is called. */
  drawn: (name: string) => () => void;
  /** Whether it can be sent; from then on every mistake is told. */
  ready: () => boolean;
  /** Keep why the store refused it: told at its field where it names one that is drawn, else returned. */
  refused: (error: unknown) => unknown;
}

export function useForm<V extends Values>(
  initial: V,
  /** Of each field; a function where what one of them has to be depends on others. */
  checksOf: Checks<V> | ((values: V) => Checks<V>),
): Form<V> {
  const [begun] = useState(initial);
  const [values, setValues] = useState(begun);
  const checks = typeof checksOf === 'function' ? checksOf(values) : checksOf;
  const [seen, setSeen] = useState<Set<string> | 'all'>(new Set());
  const [told, setTold] = useState<{ name: string; text: string } | null>(null);
  const fields = useRef(new Set<string>()).current;
  const wrong = (name: string) => checks[name]?.(String(values[name])) ?? null;
  return {
    values,
    edited: Object.keys(values).some((name) => values[name] !== begun[name]),
    set: (name, value) => {
      setTold(null);
      setValues((before) => ({ ...before, [name]: value }));
    },
    mistake: (name) => {
      if (told?.name === name) return { told: told.text };
      const key = seen === 'all' || seen.has(name) ? wrong(name) : null;
      return key && { key };
    },
    left: (name) => setSeen((before) => (before === 'all' ? before : new Set(before).add(name))),
    drawn: (name) => {
      fields.add(name);
      return () => fields.delete(name);
    },
    ready: () => {
      setSeen('all');
      return Object.keys(checks).every((name) => !wrong(name));
    },
    refused: (error) => {
      const text = error instanceof Error ? error.message : '';
      const name = [...fields].find((one) => new RegExp(`\\b${one}\\b.*: `).test(text));
      setTold(name ? { name, text: text.replace(`${name}: `, '') } : null);
      return name ? null : error;
    },
  };
}

/** What is to be told at the field that calls this. */
export function useMistake<V extends Values>(form: Form<V>, name: string) {
  const { drawn } = form;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one of the same form does the same
  useEffect(() => drawn(name), [name]);
  return form.mistake(name);
}
