"""Translations of items, and the checks that they must pass before they are trusted."""
