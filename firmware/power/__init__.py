"""When a node sleeps, and when the Pi beside it runs."""
