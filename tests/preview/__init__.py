"""Tests of the page and the filmstrip."""
