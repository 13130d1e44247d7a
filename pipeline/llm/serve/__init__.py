"""OpenAI-compatible servers on loopback: a scripted one that fails on demand, and a local model.

Nothing is imported here, because the local model needs the extra `local-llm`.
"""
