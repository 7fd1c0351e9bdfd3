// SPDX-License-Identifier: Apache-2.0
import './styles/page.css';
import './styles/tokens.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';

const place = document.getElementById('app');
if (!place) throw new Error('index.html has no element with the id app');
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
