"""From a reading to its receipt: records on flash that no cut of power loses."""
