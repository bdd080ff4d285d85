"""Kafka: clients, the one partitioner, topics."""
