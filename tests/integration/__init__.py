# SPDX-License-Identifier: Apache-2.0
"""Tests of the running store: a package, so that stores of its conftest end with its last test."""
