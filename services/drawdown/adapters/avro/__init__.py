"""Avro in the Confluent wire format: generated codecs for the hot path, fastavro for the rest."""
