// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { hearPictures } from '../api/pictures';
import { answeredAt } from '../api/reach';
import { logout, type Session, sessionQuery } from '../api/session';
import { timeFormat } from '../formats';
import { useNotices } from './notices';
import { endingOf } from './sessionEnd';

const LOOKED_EVERY = 1_000;
const ABOUT = 'session';

/** Warns before the session ends: one press goes on with it, or signs in again where it may not. */
export function useSessionEnd(session: Session | undefined): void {
  const t = useTranslations('shell');
  const locale = useLocale();
  const queries = useQueryClient();
  const { show, withdraw } = useNotices();
  useEffect(() => {
    if (session?.signedInBy !== 'session') return;
    let told = '';
    const look = () => {
      const ending = endingOf(session, answeredAt(), Date.now());
      const name = ending ? `${ending.why} ${ending.at}` : '';
      if (name === told) return;
      told = name;
      if (!ending) {
        withdraw([ABOUT]);
        return;
      }
      const rests = ending.why === 'rest';
      show({
        text: t(rests ? 'sessionRests' : 'sessionEnds', {
          time: timeFormat(locale, { timeStyle: 'short' }).format(ending.at),
        }),
        about: ABOUT,
        lasts: 0,
        action: {
          text: t(rests ? 'staySignedIn' : 'signInAgain'),
          run: async () => {
            // Each answer renews the session; who has none is led to sign in, and back again.
            if (!rests) await logout().catch(() => null);
            await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
          },
        },
      });
    };
    const timer = setInterval(look, LOOKED_EVERY);
    const stopHearing = hearPictures();
    return () => {
      stopHearing();
      clearInterval(timer);
      withdraw([ABOUT]);
    };
  }, [session, locale, queries, show, t, withdraw]);
}
