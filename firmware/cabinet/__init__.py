"""What probes, door and scales of a cabinet mean. One judgement for the Pi and a node."""
