"""The projector loop, without a broker or a database."""
