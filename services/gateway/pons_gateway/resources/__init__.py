# SPDX-License-Identifier: Apache-2.0
"""Patients, studies, series and instances: what is asked, shown and done."""
