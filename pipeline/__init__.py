"""The data engine: recipe, build, stages, report and release."""
