// SPDX-License-Identifier: Apache-2.0
/** The addresses of Explorer, and the page that each leads to. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { readJobsAddress, readSentAddress } from './jobs/address';
import { readAddress as readLoginAddress } from './login/address';
import { readPatientsAddress } from './patients/address';
import { readQuery, writeQuery } from './query';
import { readAddress as readRemoteAddress } from './remote/address';
import { NotFound } from './shell/NotFound';
import { PageFailure } from './shell/PageFailure';
import { Shell } from './shell/Shell';
import { readAddress as readStoreAddress } from './store/address';
import { readAddress } from './studies/address';
import { readAddress as readStudyAddress } from './study/address';
import { readAddress as readViewAddress } from './view/address';

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

const study = createRoute({
  getParentRoute: () => shell,
  path: '/studies/$id',
  validateSearch: readStudyAddress,
  component: lazyRouteComponent(() => import('./study/StudyPage'), 'StudyPage'),
});

/** As other pages call the list. */
const studiesRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/studies',
  validateSearch: readAddress,
  beforeLoad: ({ search }) => {
    throw redirect({ to: '/', search, replace: true });
  },
});

const patients = createRoute({
  getParentRoute: () => shell,
  path: '/patients',
  validateSearch: readPatientsAddress,
  component: lazyRouteComponent(() => import('./patients/PatientsPage'), 'PatientsPage'),
});

const patient = createRoute({
  getParentRoute: () => shell,
  path: '/patients/$id',
  component: lazyRouteComponent(() => import('./patient/PatientPage'), 'PatientPage'),
});

const seriesRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/series/$id',
  validateSearch: readStudyAddress,
  component: lazyRouteComponent(() => import('./study/Redirect'), 'SeriesRedirect'),
});

const instanceRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/instances/$id',
  validateSearch: readStudyAddress,
  component: lazyRouteComponent(() => import('./study/Redirect'), 'InstanceRedirect'),
});

const uidRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/uid/$uid',
  component: lazyRouteComponent(() => import('./study/Redirect'), 'UidRedirect'),
});

const accessionRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/accession/$number',
  component: lazyRouteComponent(() => import('./study/Redirect'), 'AccessionRedirect'),
});

const view = createRoute({
  getParentRoute: () => shell,
  path: '/view/$series',
  validateSearch: readViewAddress,
  component: lazyRouteComponent(() => import('./view/ViewPage'), 'ViewPage'),
});

/** Archives that are asked: their names with commas between them. */
const remote = createRoute({
  getParentRoute: () => shell,
  path: '/remote/{-$names}',
  validateSearch: readRemoteAddress,
  component: lazyRouteComponent(() => import('./remote/RemotePage'), 'RemotePage'),
});

const worklist = createRoute({
  getParentRoute: () => shell,
  path: '/worklist',
  component: lazyRouteComponent(() => import('./worklists/WorklistPage'), 'WorklistPage'),
});

const modalities = createRoute({
  getParentRoute: () => shell,
  path: '/operate/modalities',
  component: lazyRouteComponent(() => import('./network/ModalitiesPage'), 'ModalitiesPage'),
});

const peers = createRoute({
  getParentRoute: () => shell,
  path: '/operate/peers',
  component: lazyRouteComponent(() => import('./network/PeersPage'), 'PeersPage'),
});

const store = createRoute({
  getParentRoute: () => shell,
  path: '/operate',
  validateSearch: readStoreAddress,
  component: lazyRouteComponent(() => import('./store/StorePage'), 'StorePage'),
});

const jobs = createRoute({
  getParentRoute: () => shell,
  path: '/jobs',
  validateSearch: readJobsAddress,
  component: lazyRouteComponent(() => import('./jobs/JobsPage'), 'JobsPage'),
});

/** Beside the other pages of those who run the store. */
const jobsRedirect = createRoute({
  getParentRoute: () => shell,
  path: '/operate/jobs',
  validateSearch: readJobsAddress,
  beforeLoad: ({ search }) => {
    throw redirect({ to: '/jobs', search, replace: true });
  },
});

const undelivered = createRoute({
  getParentRoute: () => shell,
  path: '/operate/routing/dead',
  validateSearch: readJobsAddress,
  component: lazyRouteComponent(() => import('./jobs/UndeliveredPage'), 'UndeliveredPage'),
});

const letters = createRoute({
  getParentRoute: () => shell,
  path: '/operate/unindexed',
  component: lazyRouteComponent(() => import('./letters/LettersPage'), 'LettersPage'),
});

const sent = createRoute({
  getParentRoute: () => shell,
  path: '/operate/sent',
  validateSearch: readSentAddress,
  component: lazyRouteComponent(() => import('./jobs/SentPage'), 'SentPage'),
});

const routing = createRoute({
  getParentRoute: () => shell,
  path: '/operate/routing',
  component: lazyRouteComponent(() => import('./routing/RoutingPage'), 'RoutingPage'),
});

const retention = createRoute({
  getParentRoute: () => shell,
  path: '/operate/retention',
  component: lazyRouteComponent(() => import('./retention/RetentionPage'), 'RetentionPage'),
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: readLoginAddress,
  component: lazyRouteComponent(() => import('./login/LoginPage'), 'LoginPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    shell.addChildren([
      studies,
      upload,
      study,
      studiesRedirect,
      patients,
      patient,
      seriesRedirect,
      instanceRedirect,
      uidRedirect,
      accessionRedirect,
      view,
      remote,
      worklist,
      modalities,
      peers,
      store,
      jobs,
      jobsRedirect,
      undelivered,
      letters,
      sent,
      routing,
      retention,
    ]),
    login,
  ]),
  basepath: '/explorer',
  pathParamsAllowedCharacters: [','],
  defaultPreload: 'intent',
  parseSearch: readQuery,
  stringifySearch: writeQuery,
  defaultErrorComponent: PageFailure,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
