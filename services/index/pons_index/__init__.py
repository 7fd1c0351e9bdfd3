# SPDX-License-Identifier: Apache-2.0
"""The service that owns PostgreSQL: it alone writes rows, and numbers every change."""
