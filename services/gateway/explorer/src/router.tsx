// SPDX-License-Identifier: Apache-2.0
/** The addresses of Explorer, and the page that each leads to. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { NotFound } from './shell/NotFound';
import { PageFailure } from './shell/PageFailure';
import { Shell } from './shell/Shell';
import { readAddress } from './studies/address';

const root = createRootRoute({ notFoundComponent: NotFound });

/** Everything but the log-in is within the shell. */
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });

const studies = createRoute({
  getParentRoute: () => shell,
  path: '/',
  validateSearch: readAddress,
  component: lazyRouteComponent(() => import('./studies/StudiesPage'), 'StudiesPage'),
});

const upload = createRoute({
  getParentRoute: () => shell,
  path: '/upload',
  component: lazyRouteComponent(() => import('./upload/UploadPage'), 'UploadPage'),
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search.next === 'string' ? { next: search.next } : {},
  component: lazyRouteComponent(() => import('./login/LoginPage'), 'LoginPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren([studies, upload]), login]),
  basepath: '/explorer',
  defaultPreload: 'intent',
  defaultErrorComponent: PageFailure,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
