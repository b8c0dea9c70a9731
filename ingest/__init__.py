"""The service: takes from the broker, stores, decides, shows."""
