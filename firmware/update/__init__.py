"""Firmware that arrives over the air: who signed it, where it lies, which one runs."""
