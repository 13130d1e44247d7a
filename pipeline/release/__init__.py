"""What a release is made of: messages, card, checksums, and the check of a finished folder."""
