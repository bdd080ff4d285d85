"""Codecs that `adapters.avro.generate` derives from `schemas/*.avsc`."""
