"""The whole line on one machine: an embedded broker, the service, and a simulated fleet."""
