# SPDX-License-Identifier: Apache-2.0
"""Stores in Kubernetes: made and deleted by one command each, with kubectl and Python alone."""
