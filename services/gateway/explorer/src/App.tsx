// SPDX-License-Identifier: Apache-2.0
/** What surrounds every page: queries, language, theme, and the router below them. */
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useEffect } from 'react';
import { I18nProvider } from 'react-aria-components';
import { IntlProvider } from 'use-intl';
import { SIGNED_OUT } from './api/client';
import { queries } from './api/queries';
import { sessionQuery, useSession } from './api/session';
import { languageOf, loadMessages, localeOf } from './messages';
import { usePreferences } from './preferences';
import { router } from './router';
import { NoticesProvider } from './shell/notices';
import { DeletionsProvider } from './studies/deletions';
import { UploadsProvider } from './upload/queue';

const [LOCAL, ISO] = [{}, {}];

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Spoken />
    </QueryClientProvider>
  );
}

function Spoken() {
  const { language: chosen, theme, rows, dates } = usePreferences();
  const session = useSession();
  const language = languageOf([chosen, session?.locale ?? '', ...navigator.languages]);
  const { data: messages } = useQuery({
    queryKey: ['messages', language],
    queryFn: () => loadMessages(language),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
  });

  useEffect(() => {
    document.documentElement.lang = language === 'xx' ? 'en' : language;
  }, [language]);
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  useEffect(() => {
    document.documentElement.dataset.rows = rows;
  }, [rows]);
  useEffect(() => {
    const askAgain = () => void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
    window.addEventListener(SIGNED_OUT, askAgain);
    return () => window.removeEventListener(SIGNED_OUT, askAgain);
  }, []);

  if (!messages) return null;
  const locale = localeOf(language);
  return (
    <I18nProvider locale={locale}>
      <IntlProvider
        locale={locale}
        messages={messages}
        // Another value makes all who format something do it again.
        formats={dates === 'iso' ? ISO : LOCAL}
        timeZone={Intl.DateTimeFormat().resolvedOptions().timeZone}
      >
        <NoticesProvider>
          <DeletionsProvider>
            <UploadsProvider>
              <RouterProvider router={router} />
            </UploadsProvider>
          </DeletionsProvider>
        </NoticesProvider>
      </IntlProvider>
    </I18nProvider>
  );
}
