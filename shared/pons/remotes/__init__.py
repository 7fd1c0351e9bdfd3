# SPDX-License-Identifier: Apache-2.0
"""Other systems that a store knows, and settings that REST changes."""
