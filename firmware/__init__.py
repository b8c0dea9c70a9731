"""What runs on a microcontroller, and the contract that every machine shares (`wire`)."""
