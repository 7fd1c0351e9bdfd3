// SPDX-License-Identifier: Apache-2.0
import login from './login.json';
import shell from './shell.json';
import studies from './studies.json';

export default { login, shell, studies };
