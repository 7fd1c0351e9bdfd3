@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Pons on Windows: pons up, status, down, password, test, check, bench
setlocal
for %%P in ("py -3" "python3" "python") do (
    %%~P -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>&1
    if not errorlevel 1 (
        %%~P -I "%~dp0deploy\embedded\pons_embedded\bootstrap.py" %*
        exit /b
    )
)
echo pons: Python 3.11 or later is needed and not on the PATH: install it from python.org 1>&2
exit /b 1
