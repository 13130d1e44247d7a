"""Declared Arrow schemas of everything that crosses a stage boundary, and their typed records."""
