// SPDX-License-Identifier: Apache-2.0
import deletions from './deletions.json';
import downloads from './downloads.json';
import forms from './forms.json';
import grid from './grid.json';
import jobs from './jobs.json';
import known from './known.json';
import letters from './letters.json';
import login from './login.json';
import network from './network.json';
import patient from './patient.json';
import patients from './patients.json';
import remote from './remote.json';
import retention from './retention.json';
import routing from './routing.json';
import shell from './shell.json';
import store from './store.json';
import studies from './studies.json';
import study from './study.json';
import upload from './upload.json';
import view from './view.json';
import worklists from './worklists.json';

export default {
  deletions,
  downloads,
  forms,
  grid,
  jobs,
  known,
  letters,
  login,
  network,
  patient,
  patients,
  remote,
  retention,
  routing,
  shell,
  store,
  studies,
  study,
  upload,
  view,
  worklists,
};
