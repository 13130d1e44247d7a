"""Engines that work alone on any Parquet table with named columns."""
