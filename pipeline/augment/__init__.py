"""What a model writes beside translations: rationales, questions from passages, scores."""
