"""A release in the shapes that trainers and evaluation harnesses read."""
