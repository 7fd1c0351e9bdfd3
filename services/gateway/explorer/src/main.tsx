// SPDX-License-Identifier: Apache-2.0
import './styles/page.css';
import './styles/tokens.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { keepAskingForStyles } from './shell/styles';

const place = document.getElementById('app');
if (!place) throw new Error('index.html has no element with the id app');
keepAskingForStyles();
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
