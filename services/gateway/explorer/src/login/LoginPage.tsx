// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { Button, Input, Label, TextField } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { login, sessionQuery, useSession } from '../api/session';
import { sentenceOf } from '../shell/Failure';
import styles from './LoginPage.module.css';

export function LoginPage() {
  const t = useTranslations('login');
  const shell = useTranslations('shell');
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { next, untold, ended } = useSearch({ from: '/login' });
  const session = useSession();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const known = session !== undefined && session.user !== null;
  useEffect(() => {
    if (known) void navigate({ href: ownAddress(next), replace: true });
  }, [known, next, navigate]);
  useEffect(() => {
    document.title = `${t('title')} · ${session?.title ?? 'Pons'}`;
  }, [t, session]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      const answer = await login(String(form.get('user')), String(form.get('password')));
      queries.setQueryData(sessionQuery.queryKey, answer);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <h1>{session?.title ?? 'Pons'}</h1>
        {untold && (
          <p role="alert" className={styles.error}>
            {shell('logoutFailed')}
          </p>
        )}
        {ended && <p role="status">{t('ended')}</p>}
        <TextField name="user" isRequired autoFocus className={styles.field}>
          <Label>{t('user')}</Label>
          <Input autoComplete="username" autoCapitalize="none" spellCheck="false" />
        </TextField>
        <TextField name="password" type="password" isRequired className={styles.field}>
          <Label>{t('password')}</Label>
          <Input autoComplete="current-password" />
        </TextField>
        {error !== null && (
          <p role="alert" className={styles.error}>
            {error instanceof ApiError && error.status === 401
              ? t('wrong')
              : error instanceof ApiError && error.status === 429
                ? t('tooOften')
                : shell(sentenceOf(error))}
          </p>
        )}
        <Button type="submit" className={styles.submit} isPending={busy}>
          {t('submit')}
        </Button>
      </form>
    </main>
  );
}

/** An address of ours within Explorer, whatever somebody has put into the link. */
function ownAddress(next: string | undefined): string {
  const path = next?.startsWith('/explorer') ? next.slice('/explorer'.length) : next;
  return path && /^\/(?![/\\])/.test(path) && !path.startsWith('/login') ? path : '/';
}
