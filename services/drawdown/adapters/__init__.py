"""The rooms where the ledger meets the world: Kafka, Postgres, Avro, documents."""
