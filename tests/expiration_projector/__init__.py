"""The expiration projector, without a broker."""
