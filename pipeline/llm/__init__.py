"""Calls to language models: every answer is paid once, cached, and judged anew when it is read."""
