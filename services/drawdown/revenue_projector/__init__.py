"""The revenue projector: deferred and released revenue by lot and day in Postgres."""
