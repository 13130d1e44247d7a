"""Rules of quality for question-answer records: what is wrong inside one record."""
