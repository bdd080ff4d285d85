"""The expiration projector: what expires when, reminders due, what expired, and breakage."""
