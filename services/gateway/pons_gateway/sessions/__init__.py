# SPDX-License-Identifier: Apache-2.0
"""Sessions of people who have logged in on the page: signed cookies, and which have ended."""
