# SPDX-License-Identifier: Apache-2.0
"""Stores in Kubernetes: made and deleted by one command each, with kubectl and Python.

Where an overlay has its NATS from a chart, with Helm as well.
"""
